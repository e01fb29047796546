//! Names of cities and people.

/// Cities, the largest first.
pub const CITIES: [&str; 60] = [
    "Tokyo",
    "Delhi",
    "Shanghai",
    "São Paulo",
    "Ciudad de México",
    "Cairo",
    "Mumbai",
    "Beijing",
    "Dhaka",
    "Osaka",
    "New York",
    "Karachi",
    "Buenos Aires",
    "Istanbul",
    "Kolkata",
    "Manila",
    "Lagos",
    "Rio de Janeiro",
    "Guangzhou",
    "Kinshasa",
    "Los Angeles",
    "Lima",
    "Paris",
    "Bogotá",
    "Jakarta",
    "Chennai",
    "London",
    "Bangkok",
    "Seoul",
    "Nagoya",
    "Hyderabad",
    "Chicago",
    "Tehran",
    "Chengdu",
    "Nanjing",
    "Wuhan",
    "Ho Chi Minh",
    "Luanda",
    "Ahmedabad",
    "Kuala Lumpur",
    "Hong Kong",
    "Riyadh",
    "Baghdad",
    "Santiago",
    "Madrid",
    "Toronto",
    "Singapore",
    "Barcelona",
    "Roma",
    "Lisboa",
    "Berlin",
    "Wien",
    "Zürich",
    "Kraków",
    "Łódź",
    "København",
    "Göteborg",
    "Αθήνα",
    "Київ",
    "東京",
];

const FIRST: [&str; 24] = [
    "Ana", "Luís", "Mei", "Arjun", "Fatima", "João", "Sofia", "Kenji", "Amara", "Noah", "Emma",
    "Mateo", "Zoë", "Ivan", "Aisha", "Lars", "Chloé", "Omar", "Priya", "Elif", "Tomasz", "Yuki",
    "Nadia", "Pedro",
];
const LAST: [&str; 24] = [
    "Sousa", "Silva", "Chen", "Patel", "Hassan", "Müller", "Rossi", "Tanaka", "Okafor", "Smith",
    "Johnson", "García", "Kowalska", "Petrov", "Khan", "Nilsson", "Dubois", "Yılmaz", "Novák",
    "Santos", "Kim", "Nguyen", "O'Brien", "Costa",
];

/// The name of a salesman, always the same.
pub fn name(salesman: u64) -> String {
    let first = FIRST[(salesman % 24) as usize];
    // Every pair of names comes once before one comes again.
    let last = LAST[((salesman * 5 + salesman / 24 * 7) % 24) as usize];
    format!("{first} {last}")
}

/// The name of a city: the well-known ones, then numbered towns.
pub fn city(number: u64) -> String {
    match CITIES.get(number as usize) {
        Some(name) => (*name).to_owned(),
        None => format!("Town {number}"),
    }
}
