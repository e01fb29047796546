use super::*;
use crate::pack::texts::TextTable;
use proptest::prelude::*;

/// Values of the accumulators of a row, as they are.
struct Plain(Vec<(Option<i128>, Option<Vec<u8>>)>);

impl Cells for Plain {
    fn number(&self, slot: usize) -> Option<i128> {
        self.0[slot].0
    }

    fn bytes(&self, slot: usize) -> Option<&[u8]> {
        self.0[slot].1.as_deref()
    }
}

fn plan() -> Plan {
    let sql = "CREATE TABLE t (a STRING, n DECIMAL(38, 0), i BIGINT);
        SELECT a, n, i, r FROM (SELECT *, ROW_NUMBER() OVER (ORDER BY n DESC NULLS FIRST, a, i) AS r FROM t) WHERE r <= 9;";
    let loaded = standings_query::load_texts(&[("q", sql)]);
    loaded.unwrap_or_else(|e| panic!("{}", e.render())).plan
}

fn numbers() -> impl Strategy<Value = Option<i128>> {
    let most = 10i128.pow(38) - 1;
    let numbers = prop_oneof![
        -300i128..300,
        Just(most),
        Just(-most),
        Just(0),
        any::<i64>().prop_map(i128::from)
    ];
    prop::option::weighted(0.9, numbers)
}

proptest! {
    #[test]
    fn a_row_comes_back_and_stands_where_it_stood(
        n in numbers(),
        i in prop::option::weighted(0.9, any::<i64>()),
        a in prop::option::weighted(0.9, "[a-c]{0,200}"),
        partition in 0u32..9,
        offset: u64,
    ) {
        let plan = plan();
        let codec = TopCodec::new(&plan, 0).unwrap();
        let name = RowId { partition, offset, row: 7 };
        // Whatever order the accumulators have.
        let number_of = |slot: usize| {
            let layout = Layout::new(&plan.rankings[0]);
            let column = layout.slots[slot].kind.columns().next().unwrap();
            matches!(plan.rankings[0].row[column].kind, Type::Decimal { .. })
        };
        let cells = codec.slots.iter().enumerate().map(|(slot, (is_text, _))| match is_text {
            true => (None, a.clone().map(String::into_bytes)),
            false if number_of(slot) => (n, None),
            false => (i.map(i128::from), None),
        });
        let cells = Plain(cells.collect());
        let (mut own, mut row) = (Vec::new(), Vec::new());
        codec.push_place(&mut own, &cells, name.number());
        codec.push_row(&mut row, &own, &cells);
        prop_assert_eq!(place(&row), &own[..]);
        prop_assert_eq!(RowId::of_number(super::name(&row)), name);
        prop_assert_eq!(codec.key(&row)[0].to_string(), name.to_string());

        let (mut words, mut texts) = (Vec::new(), TextTable::default());
        codec.to_words(&row, &mut words, |text| texts.push(text, 0));
        let of_words = Words { words: &words, codec: &codec, texts: &texts };
        let (mut again, mut own_again) = (Vec::new(), Vec::new());
        codec.push_place(&mut own_again, &of_words, name.number());
        codec.push_row(&mut again, &own_again, &of_words);
        prop_assert_eq!(again, row);
    }
}

#[test]
fn bytes_that_are_no_row_are_no_panic() {
    let codec = TopCodec::new(&plan(), 0).unwrap();
    for row in [&[][..], &[1], &[0xff; 40], &[3, 0, 0, 0, 1, 2]] {
        assert!(place(row).len() < 40);
        assert_eq!(codec.measures(row).len(), 3);
        codec.key(row);
    }
}
