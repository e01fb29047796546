// The two rankings as a dbsp circuit. Included once per form, with `Key` as the type of cities, ids and names.

/// Window, time, city, salesman, name, cents.
pub type Sale = Tup6<i64, i64, Key, Key, Key, i64>;
/// Rank, city, total, count, average in hundredths of a cent, max.
pub type CityRow = Tup6<i64, Key, i64, i64, i64, i64>;
/// Rank, salesman, name, total, count, average, cities.
pub type SalesmanRow = Tup7<i64, Key, Key, i64, i64, i64, i64>;

type Snapshot<V> = OutputHandle<SpineSnapshot<OrdIndexedZSet<i64, V>>>;

/// Highest total first, then the key; the rest only makes the order total.
struct ByTotal;

impl<A: Ord> CmpFunc<Tup3<i64, Key, A>> for ByTotal {
    fn cmp(left: &Tup3<i64, Key, A>, right: &Tup3<i64, Key, A>) -> Ordering {
        right
            .0
            .cmp(&left.0)
            .then_with(|| left.1.cmp(&right.1))
            .then_with(|| left.2.cmp(&right.2))
    }
}

fn average(total: i64, count: i64) -> i64 {
    (total * 100).checked_div(count).unwrap_or(0)
}

#[allow(clippy::type_complexity)]
pub fn build(
    workers: usize,
) -> Result<(DBSPHandle, (ZSetHandle<Sale>, Snapshot<CityRow>, Snapshot<SalesmanRow>)), dbsp::Error> {
    Runtime::init_circuit(workers, |circuit| {
        let (sales, input) = circuit.add_input_zset::<Sale>();

        let cities = sales
            .map_index(|Tup6(window, _, city, _, _, cents)| (Tup2(*window, city.clone()), *cents))
            .chain_aggregate(
                |cents, w| Tup3(cents * w, w, *cents),
                |Tup3(total, count, max), cents, w| Tup3(total + cents * w, count + w, max.max(*cents)),
            )
            .map_index(|(Tup2(window, city), Tup3(total, count, max))| {
                (*window, Tup3(*total, city.clone(), Tup2(*count, *max)))
            })
            .topk_row_number_custom_order::<ByTotal, _, _>(10, |rank, Tup3(total, city, Tup2(count, max))| {
                Tup6(rank, city.clone(), *total, *count, average(*total, *count), *max)
            })
            .accumulate_output();

        let totals = sales
            .map_index(|Tup6(window, time, _, salesman, name, cents)| {
                (Tup2(*window, salesman.clone()), Tup3(*time, name.clone(), *cents))
            })
            .chain_aggregate(
                |Tup3(time, name, cents), w| Tup4(cents * w, w, *time, name.clone()),
                |Tup4(total, count, last, last_name), Tup3(time, name, cents), w| {
                    let (total, count) = (total + cents * w, count + w);
                    if *time >= last {
                        Tup4(total, count, *time, name.clone())
                    } else {
                        Tup4(total, count, last, last_name)
                    }
                },
            );
        let covered = sales
            .map_index(|Tup6(window, _, city, salesman, _, _)| (Tup2(*window, salesman.clone()), city.clone()))
            .distinct()
            .weighted_count();
        let salesmen = totals
            .join_index(&covered, |Tup2(window, salesman), Tup4(total, count, _, name), cities| {
                Some((*window, Tup3(*total, salesman.clone(), Tup3(name.clone(), *count, *cities))))
            })
            .topk_row_number_custom_order::<ByTotal, _, _>(
                100,
                |rank, Tup3(total, salesman, Tup3(name, count, cities))| {
                    let average = average(*total, *count);
                    Tup7(rank, salesman.clone(), name.clone(), *total, *count, average, *cities)
                },
            )
            .accumulate_output();

        Ok((input, cities, salesmen))
    })
}

/// The rankings as they are now, and how many rows said so.
#[derive(Default)]
struct Rankings {
    cities: HashMap<(i64, i64), CityRow>,
    salesmen: HashMap<(i64, i64), SalesmanRow>,
    rows: u64,
}

fn take<V: dbsp::DBData>(
    out: &Snapshot<V>,
    rank: impl Fn(&V) -> i64,
    into: &mut HashMap<(i64, i64), V>,
    rows: &mut u64,
) {
    for (window, row, weight) in out.concat().iter() {
        *rows += weight.unsigned_abs();
        let at = (window, rank(&row));
        if weight > 0 {
            into.insert(at, row);
        } else if into.get(&at) == Some(&row) {
            into.remove(&at);
        }
    }
}

pub fn run(
    file: std::fs::File,
    workers: usize,
    mut decoders: Vec<impl FnMut(&[u8]) -> Option<Sale> + Send>,
    show: impl Fn(&Key) -> String,
    out: &mut impl Write,
) -> Result<(u64, u64), Box<dyn std::error::Error>> {
    let (mut circuit, (input, cities, salesmen)) = build(workers)?;
    let mut chunks = super::Chunks::new(file);
    let (mut sales, mut now) = (0, Rankings::default());
    while chunks.next()? {
        for mut part in super::decode(&chunks, &mut decoders)? {
            sales += part.len() as u64;
            input.append(&mut part);
        }
        circuit.transaction()?;
        take(&cities, |row| row.0, &mut now.cities, &mut now.rows);
        take(&salesmen, |row| row.0, &mut now.salesmen, &mut now.rows);
    }
    for ((window, rank), Tup6(_, city, total, count, _, max)) in sorted(now.cities) {
        let (total, max) = (decimal(total), decimal(max));
        writeln!(out, "top_sales_per_city {window} {rank} {} {total} {count} {max}", show(&city))?;
    }
    for ((window, rank), Tup7(_, salesman, _, total, count, _, cities)) in sorted(now.salesmen) {
        let total = decimal(total);
        writeln!(out, "top_salesmen {window} {rank} {} {total} {count} {cities}", show(&salesman))?;
    }
    out.flush()?;
    // Tearing the state down is nobody's work: the caller stops the clock and ends the process.
    std::mem::forget(circuit);
    Ok((sales, now.rows))
}

fn sorted<V>(rows: HashMap<(i64, i64), V>) -> std::collections::BTreeMap<(i64, i64), V> {
    rows.into_iter().collect()
}
