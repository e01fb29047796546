//! The recording format: records of a topic as they arrived, zstd-compressed.
//!
//! ```text
//! "standings recording 1\n", a JSON header and "\n", then one zstd stream of records:
//!   partition · offset · timestamp · waited · key · value
//! ```
//!
//! Numbers are LEB128 (as in DWARF and Protocol Buffers), signed ones zigzag-coded. `offset` is the difference to the
//! partition's last one; `timestamp` is in milliseconds plus one, 0 for none; `waited` is in microseconds since the
//! record before; `key` and `value` are their length plus one and their bytes, 0 for null. A stream that was cut off
//! (the recorder was killed) is read up to its last whole record.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::Path;

use standings_model::block::{NO_TIMESTAMP, PartitionId};
use standings_model::leb128;

/// What a recording begins with.
pub const MAGIC: &[u8] = b"standings recording 1\n";
/// No key or value is larger: what claims to be is damage.
const MOST_BYTES: u64 = 1 << 30;
const MOST_HEADER: u64 = 16 << 20;

/// What was recorded.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Header {
    /// The topic's name.
    pub topic: String,
    /// Every partition, and the offset at which its recording begins.
    pub partitions: BTreeMap<PartitionId, u64>,
}

/// One record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recorded {
    /// Its partition.
    pub partition: PartitionId,
    /// Its offset there.
    pub offset: u64,
    /// Its Kafka timestamp, ms, or [`NO_TIMESTAMP`].
    pub timestamp: i64,
    /// When it arrived, µs since the recording began.
    pub arrived: u64,
    /// Its key.
    pub key: Option<Vec<u8>>,
    /// Its value.
    pub value: Option<Vec<u8>>,
}

fn push_signed(out: &mut Vec<u8>, n: i64) {
    leb128::push(out, ((n << 1) ^ (n >> 63)) as u64);
}

fn push_bytes(out: &mut Vec<u8>, bytes: Option<&[u8]>) {
    match bytes {
        None => leb128::push(out, 0),
        Some(bytes) => {
            leb128::push(out, bytes.len() as u64 + 1);
            out.extend_from_slice(bytes);
        }
    }
}

/// Writes a recording.
pub struct Writer<W: Write> {
    out: zstd::Encoder<'static, W>,
    offsets: HashMap<PartitionId, u64>,
    arrived: u64,
    buffer: Vec<u8>,
}

impl<W: Write> Writer<W> {
    /// Begins.
    pub fn new(mut out: W, header: &Header) -> io::Result<Self> {
        out.write_all(MAGIC)?;
        serde_json::to_writer(&mut out, header)?;
        out.write_all(b"\n")?;
        Ok(Writer {
            out: zstd::Encoder::new(out, 3)?,
            offsets: HashMap::new(),
            arrived: 0,
            buffer: Vec::new(),
        })
    }

    /// Adds a record; they come in order of arrival.
    pub fn push(&mut self, record: &Recorded) -> io::Result<()> {
        let out = &mut self.buffer;
        out.clear();
        leb128::push(out, u64::from(record.partition));
        let last = self.offsets.insert(record.partition, record.offset);
        push_signed(out, record.offset.wrapping_sub(last.unwrap_or(0)) as i64);
        let timestamp = if record.timestamp == NO_TIMESTAMP {
            0
        } else {
            record.timestamp.saturating_add(1)
        };
        push_signed(out, timestamp);
        leb128::push(out, record.arrived.saturating_sub(self.arrived));
        self.arrived = record.arrived.max(self.arrived);
        push_bytes(out, record.key.as_deref());
        push_bytes(out, record.value.as_deref());
        self.out.write_all(out)
    }

    /// Makes what was pushed readable even if the process dies now.
    pub fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    /// Ends the recording.
    pub fn finish(self) -> io::Result<W> {
        let mut out = self.out.finish()?;
        out.flush()?;
        Ok(out)
    }
}

/// Reads a recording.
pub struct RecordingReader {
    input: BufReader<zstd::Decoder<'static, BufReader<File>>>,
    header: Header,
    offsets: HashMap<PartitionId, u64>,
    arrived: u64,
}

impl RecordingReader {
    /// Opens a recording; an error says if it is none.
    pub fn open(path: &Path) -> io::Result<Self> {
        let mut file = BufReader::new(File::open(path)?);
        let mut magic = vec![0; MAGIC.len()];
        let wrong = || {
            let text = "this is no recording; `standings load record` makes one";
            io::Error::new(io::ErrorKind::InvalidData, text)
        };
        file.read_exact(&mut magic).map_err(|_| wrong())?;
        if magic != MAGIC {
            return Err(wrong());
        }
        let mut header = Vec::new();
        (&mut file)
            .take(MOST_HEADER)
            .read_until(b'\n', &mut header)?;
        let header = serde_json::from_slice(&header).map_err(|_| damaged("header"))?;
        Ok(RecordingReader {
            header,
            input: BufReader::with_capacity(1 << 16, zstd::Decoder::with_buffer(file)?),
            offsets: HashMap::new(),
            arrived: 0,
        })
    }

    /// What was recorded.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Reads the next record into `into`, whose buffers are used again; `false` at the end.
    pub fn next(&mut self, into: &mut Recorded) -> io::Result<bool> {
        match self.record(into) {
            Ok(()) => Ok(true),
            Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
            Err(e) => Err(e),
        }
    }

    fn record(&mut self, into: &mut Recorded) -> io::Result<()> {
        let partition = self.number()?;
        into.partition = u32::try_from(partition).map_err(|_| damaged("partition"))?;
        let step = self.signed()?;
        let last = self.offsets.get(&into.partition).copied().unwrap_or(0);
        into.offset = last.wrapping_add(step as u64);
        into.timestamp = match self.signed()? {
            0 => NO_TIMESTAMP,
            t => t - 1,
        };
        into.arrived = self.arrived.saturating_add(self.number()?);
        self.bytes(|r| &mut r.key, into)?;
        self.bytes(|r| &mut r.value, into)?;
        // Only a whole record counts.
        self.offsets.insert(into.partition, into.offset);
        self.arrived = into.arrived;
        Ok(())
    }

    fn number(&mut self) -> io::Result<u64> {
        leb128::read(&mut self.input)?.ok_or_else(|| damaged("number"))
    }

    fn signed(&mut self) -> io::Result<i64> {
        let n = self.number()?;
        Ok((n >> 1) as i64 ^ -((n & 1) as i64))
    }

    fn bytes(
        &mut self,
        field: impl Fn(&mut Recorded) -> &mut Option<Vec<u8>>,
        into: &mut Recorded,
    ) -> io::Result<()> {
        let length = self.number()?;
        let field = field(into);
        if length == 0 {
            *field = None;
            return Ok(());
        }
        if length - 1 > MOST_BYTES {
            return Err(damaged("length"));
        }
        let buffer = field.get_or_insert_default();
        buffer.clear();
        // Grows with what is really there, not with what the length claims.
        let read = (&mut self.input).take(length - 1).read_to_end(buffer)?;
        if read as u64 != length - 1 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(())
    }
}

fn damaged(what: &str) -> io::Error {
    let text = format!("the recording is damaged: a {what} makes no sense");
    io::Error::new(io::ErrorKind::InvalidData, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header() -> Header {
        Header {
            topic: "sales".to_owned(),
            partitions: BTreeMap::from([(0, 7), (2, 0)]),
        }
    }

    fn records() -> Vec<Recorded> {
        let make = |n: u64| Recorded {
            partition: (n % 3) as u32,
            offset: 10_000_000_000 + n * n,
            timestamp: [NO_TIMESTAMP, 0, 7, 1_769_126_400_000][n as usize % 4],
            arrived: n * n * 7,
            key: n.is_multiple_of(2).then(|| n.to_string().into_bytes()),
            value: (!n.is_multiple_of(5)).then(|| vec![n as u8; n as usize * 100]),
        };
        (0..50).map(make).collect()
    }

    fn read(path: &Path) -> Vec<Recorded> {
        let mut reader = RecordingReader::open(path).unwrap();
        assert_eq!(reader.header(), &header());
        let (mut all, mut record) = (Vec::new(), Recorded::default());
        while reader.next(&mut record).unwrap() {
            all.push(record.clone());
        }
        all
    }

    #[test]
    fn what_is_written_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.rec");
        let mut writer = Writer::new(File::create(&path).unwrap(), &header()).unwrap();
        records().iter().for_each(|r| writer.push(r).unwrap());
        writer.finish().unwrap();
        assert_eq!(read(&path), records());
    }

    #[test]
    fn a_cut_recording_is_read_up_to_its_last_whole_record() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.rec");
        let mut writer = Writer::new(File::create(&path).unwrap(), &header()).unwrap();
        records().iter().for_each(|r| writer.push(r).unwrap());
        writer.flush().unwrap();
        drop(writer); // the stream has no end mark
        assert_eq!(read(&path), records());
        let whole = std::fs::read(&path).unwrap();
        std::fs::write(&path, &whole[..whole.len() / 2]).unwrap();
        let part = read(&path);
        assert!(part.len() < 50 && part == records()[..part.len()]);
    }

    #[test]
    fn other_files_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.rec");
        std::fs::write(&path, "{}\n").unwrap();
        let error = RecordingReader::open(&path).err().unwrap();
        assert!(error.to_string().contains("no recording"), "{error}");
    }
}
