// What both ways of fuzzing do with snapshots.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, Once};

use arrow_array::cast::AsArray;
use arrow_array::types::TimestampMillisecondType;
use arrow_array::{
    ArrayRef, BinaryArray, Int32Array, RecordBatch, StringArray, TimestampMillisecondArray,
};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use standings_engine::pack::deltas::Deltas;
use standings_engine::rank::totals::Totals;
use standings_engine::snapshot::order::PartFile;
use standings_engine::snapshot::{Manifest, ObjectError, Objects, Store, checksum, load};
use standings_model::clock::Clock;
use standings_model::guarded::is_guarded;
use standings_model::plan::{Plan, Ranking};

/// Objects in memory.
#[derive(Default)]
struct Memory(Mutex<BTreeMap<String, Vec<u8>>>);

impl Objects for Memory {
    fn put(&self, name: &str, bytes: Vec<u8>) -> Result<(), ObjectError> {
        self.0.lock().unwrap().insert(name.to_owned(), bytes);
        Ok(())
    }

    fn get(&self, name: &str) -> Result<Vec<u8>, ObjectError> {
        let all = self.0.lock().unwrap();
        all.get(name).cloned().ok_or(ObjectError::Missing)
    }

    fn list(&self, folder: &str) -> Result<Vec<String>, ObjectError> {
        let all = self.0.lock().unwrap();
        let of_folder = all.keys().filter(|n| n.starts_with(folder));
        Ok(of_folder.cloned().collect())
    }

    fn remove(&self, name: &str) -> Result<(), ObjectError> {
        self.0.lock().unwrap().remove(name);
        Ok(())
    }
}

/// As in a run: of a panic of the Parquet crate, which is caught, nothing is said (and libFuzzer does not end at it).
pub fn let_guarded_pass() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if !is_guarded() {
                usual(info);
            }
        }));
    });
}

/// A snapshot that is whole.
pub struct Snapshot {
    plan: Arc<Plan>,
    memory: Arc<Memory>,
    store: Store,
    whole: BTreeMap<String, Vec<u8>>,
    /// Its manifest's name.
    pub manifest: String,
    /// Its part's name.
    pub part: String,
}

impl Snapshot {
    /// The fixture of the repository at `root`.
    pub fn fixture(root: &Path) -> Self {
        let_guarded_pass();
        let fixture = root.join("tests/fixtures/snapshot-1");
        let plan = Arc::new(standings_query::load_dir(&root.join("queries")).unwrap());
        let memory = Arc::new(Memory::default());
        for folder in ["manifests", "parts"] {
            for entry in std::fs::read_dir(fixture.join("state").join(folder))
                .unwrap()
                .flatten()
            {
                let name = format!("{folder}/{}", entry.file_name().to_str().unwrap());
                memory
                    .put(&name, std::fs::read(entry.path()).unwrap())
                    .unwrap();
            }
        }
        let store = Store::of("memory".to_owned(), memory.clone(), Clock::default());
        let used = Manifest::usable(&store, &plan)
            .unwrap()
            .next()
            .expect("the fixture is whole")
            .expect("memory answers");
        let whole = memory.0.lock().unwrap().clone();
        Snapshot {
            part: used.parts[0].name.clone(),
            manifest: Manifest::list(&store).unwrap().remove(0).0,
            plan,
            memory,
            store,
            whole,
        }
    }

    /// What is in the fixture under this name.
    pub fn original(&self, name: &str) -> &[u8] {
        &self.whole[name]
    }

    fn found(&self, name: &str, bytes: Vec<u8>) -> Option<Manifest> {
        let mut all = self.whole.clone();
        all.insert(name.to_owned(), bytes);
        *self.memory.0.lock().unwrap() = all;
        let mut usable = Manifest::usable(&self.store, &self.plan).unwrap();
        usable.next().map(|found| found.expect("memory answers"))
    }

    /// A file that is not the one that was written is never taken.
    pub fn changed(&self, name: &str, input: &[u8]) {
        let found = self.found(name, input.to_vec());
        // White space after the end changes nothing.
        let text = |bytes| String::from_utf8_lossy(bytes).trim_end().to_owned();
        let original = self.original(name);
        let same = found.is_some() && text(input) == text(original);
        assert!(found.is_none() || same, "a changed {name} was taken");
        assert!(
            found.is_some() || input != original,
            "a whole {name} was not taken"
        );
    }

    /// A manifest that says anything, with a checksum that is right: taken or not, and read as far as it goes.
    pub fn any_manifest(&self, json: &[u8]) {
        let mut bytes = json.to_vec();
        bytes.extend(format!("\n{}\n", checksum(json)).bytes());
        if let Some(manifest) = self.found(&self.manifest, bytes) {
            let _ = self.load(&manifest.parts, manifest.state.horizon);
        }
    }

    /// A part that holds anything, with a checksum that is right: read or refused by its name.
    pub fn any_part(&self, bytes: &[u8]) -> Result<usize, String> {
        let file = PartFile {
            name: self.part.clone(),
            size: bytes.len() as u64,
            checksum: checksum(bytes),
            rows: 1,
            held: false,
        };
        self.memory.put(&self.part, bytes.to_vec()).unwrap();
        let loaded = self.load(&[file], i64::MIN);
        if let Err(refused) = &loaded {
            let named = format!("loading the snapshot failed: {}: ", self.part);
            assert!(refused.starts_with(&named), "{refused}");
        }
        loaded
    }

    /// A part of one row that holds anything. The first byte chooses the ranking, eight say when its window starts, the
    /// rest is its state.
    pub fn any_row(&self, input: &[u8]) {
        let Some((head, state)) = input.split_at_checked(9) else {
            return;
        };
        let ranking = &self.plan.rankings[head[0] as usize % self.plan.rankings.len()].name;
        let start = i64::from_le_bytes(head[1..].try_into().unwrap());
        let columns: [(&str, ArrayRef); 4] = [
            (
                "ranking",
                Arc::new(StringArray::from(vec![ranking.as_str()])),
            ),
            (
                "window_start",
                Arc::new(TimestampMillisecondArray::from(vec![start])),
            ),
            ("bin", Arc::new(Int32Array::from(vec![0]))),
            ("state", Arc::new(BinaryArray::from(vec![state]))),
        ];
        let batch = RecordBatch::try_from_iter(columns).unwrap();
        let mut bytes = Vec::new();
        let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), None).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
        let _ = self.any_part(&bytes);
    }

    /// The rows of the fixture, as [`Snapshot::any_row`] takes them.
    pub fn rows(&self) -> Vec<Vec<u8>> {
        let part = bytes::Bytes::from(self.original(&self.part).to_vec());
        let reader = ParquetRecordBatchReaderBuilder::try_new(part)
            .unwrap()
            .build()
            .unwrap();
        let mut rows = Vec::new();
        for batch in reader {
            let batch = batch.unwrap();
            let column = |name: &str| batch.column_by_name(name).unwrap();
            let (rankings, states) = (
                column("ranking").as_string::<i32>(),
                column("state").as_binary::<i32>(),
            );
            let starts = column("window_start").as_primitive::<TimestampMillisecondType>();
            for i in 0..batch.num_rows() {
                let is = |r: &Ranking| r.name == rankings.value(i);
                let ranking = self.plan.rankings.iter().position(is).unwrap();
                let head = [&[ranking as u8][..], &starts.value(i).to_le_bytes()].concat();
                rows.push([&head, states.value(i)].concat());
            }
        }
        rows
    }

    fn load(&self, parts: &[PartFile], horizon: i64) -> Result<usize, String> {
        let mut totals = Totals::new(Arc::clone(&self.plan));
        let mut apply = |_, deltas: &Deltas| totals.apply(deltas);
        let rows = load(&self.store, &self.plan, parts, horizon, (0, 1), &mut apply);
        totals.forget_changes();
        totals.settle();
        rows.map_err(|e| e.to_string())
    }
}
