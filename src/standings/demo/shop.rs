//! Believable sales: cities and salesmen whose luck changes, a rhythm over the day, refunds, late ones, broken ones.

use std::f64::consts::TAU;
use std::io::Write;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use standings_load::{Dice, Weights, city, person};
use standings_model::time::{DAY, HOUR, format_rfc3339};

const CITIES: usize = 40;
const SALESMEN: usize = 600;

/// Luck is drawn anew after so much event time.
const FORTUNE: i64 = 10 * 60_000;

/// Somebody or somewhere, with a size that stays and a luck that changes.
struct Fortune {
    size: f64,
    phase: f64,
    /// Changes of luck a day.
    pace: f64,
}

impl Fortune {
    fn weight(&self, days: f64) -> f64 {
        self.size * (1.0 + 0.85 * (TAU * (self.phase + self.pace * days)).sin())
    }
}

/// Draws by fortune.
struct Draw {
    fortunes: Vec<Fortune>,
    weights: Weights,
}

impl Draw {
    fn new(dice: &mut Dice, n: usize, flat: f64) -> Self {
        let mut share = || dice.below(1 << 20) as f64 / f64::from(1 << 20);
        let fortunes = (0..n)
            .map(|i| Fortune {
                size: 1.0 / (i as f64 + flat),
                phase: share(),
                pace: 1.0 + 5.0 * share(),
            })
            .collect();
        Draw {
            fortunes,
            weights: Weights::default(),
        }
    }

    fn renew(&mut self, days: f64) {
        let weight = |fortune: &Fortune| (fortune.weight(days) * 1e6) as u64 + 1;
        self.weights = Weights::new(self.fortunes.iter().map(weight));
    }

    fn one(&self, dice: &mut Dice) -> usize {
        self.weights.draw(dice)
    }
}

/// Makes sales while its clock is moved on.
pub struct Shop {
    dice: Dice,
    /// Event time that passes in a second.
    speed: f64,
    /// Event time now, ms.
    now: f64,
    renewed: i64,
    cities: Draw,
    salesmen: Draw,
    number: u64,
}

impl Shop {
    /// Opens in the morning of today; a day takes `day`.
    pub fn new(seed: u64, day: Duration) -> Self {
        let today = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let today = (today.as_millis() as i64).div_euclid(DAY) * DAY;
        let mut dice = Dice::new(seed);
        let cities = Draw::new(&mut dice, CITIES, 14.0);
        let salesmen = Draw::new(&mut dice, SALESMEN, 120.0);
        let mut shop = Shop {
            dice,
            speed: DAY as f64 / day.as_secs_f64(),
            now: (today + 7 * HOUR) as f64,
            renewed: 0,
            cities,
            salesmen,
            number: 0,
        };
        shop.pass(Duration::ZERO);
        shop
    }

    /// Moves the clock on.
    pub fn pass(&mut self, time: Duration) {
        self.now += time.as_secs_f64() * self.speed;
        let step = self.now() / FORTUNE;
        if step != self.renewed {
            self.renewed = step;
            let days = self.now / DAY as f64;
            self.cities.renew(days);
            self.salesmen.renew(days);
        }
    }

    /// Event time now, ms.
    pub fn now(&self) -> i64 {
        self.now as i64
    }

    /// How busy the hour is: 1 on average over a day, little at night, most in the afternoon.
    pub fn rhythm(&self) -> f64 {
        let hour = self.now.rem_euclid(DAY as f64) / HOUR as f64;
        1.0 - 0.7 * (TAU * (hour - 3.0) / 24.0).cos()
    }

    /// Appends the next record.
    pub fn sell(&mut self, out: &mut Vec<u8>) {
        self.number += 1;
        let dice = &mut self.dice;
        let kind = dice.below(10_000);
        if kind < 5 {
            out.extend_from_slice(b"{\"sale_id\":\"till-17\",\"event_time\":\"half past nine\"}");
            return;
        }
        // A few come a day late, which is too late; some come minutes late, and correct a day that has closed.
        let behind = match kind {
            5..20 => DAY,
            20..120 => dice.below(50 * 60_000) as i64,
            _ => dice.below(20_000) as i64,
        };
        let time = format_rfc3339((self.now as i64 - behind).max(0));
        let salesman = self.salesmen.one(dice);
        // Two of three sales are made at home.
        let city = match dice.below(3) {
            0 => self.cities.one(dice),
            _ => (salesman * 7919 + dice.below(2) as usize) % CITIES,
        };
        let city = if dice.below(2) == 0 {
            self.cities.one(dice)
        } else {
            city
        };
        let digits = dice.below(3) as u32;
        let cents = 250 + dice.below(900 * 10u64.pow(digits));
        let sign = if dice.below(100) < 2 { "-" } else { "" };
        let (city, name) = (self::city(city as u64), person(salesman as u64));
        // Writing to a Vec cannot fail. No name holds a character that JSON escapes.
        let _ = write!(
            out,
            "{{\"sale_id\":\"d-{}\",\"event_time\":\"{time}\",\"city\":\"{city}\",\"salesman_id\":\"S{salesman:06}\",\
             \"salesman_name\":\"{name}\",\"amount\":{sign}{}.{:02}}}",
            self.number,
            cents / 100,
            cents % 100
        );
    }
}
