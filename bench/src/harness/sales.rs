//! Files of sales, made once.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use standings_load::{Generator, Shape};

use super::place;
use crate::problem::Problem;

/// A generated file of sales; `name` says what is not usual about them.
pub fn file(name: &str, shape: &Shape) -> Result<PathBuf, Problem> {
    let folder = place::work();
    fs::create_dir_all(&folder).map_err(Problem::file(&folder))?;
    let more = if name.is_empty() { "" } else { "-" };
    let name = format!("sales-{}-{}{more}{name}.ndjson", shape.sales, shape.seed);
    let path = folder.join(name);
    if !path.exists() {
        make(&path, shape)?;
    }
    Ok(path)
}

fn make(path: &Path, shape: &Shape) -> Result<(), Problem> {
    let mut generator = Generator::new(shape).map_err(|e| Problem::Usage(e.to_string()))?;
    let part = with(path, "part");
    let failed = || Problem::file(&part);
    let mut out = File::create(&part).map_err(failed())?;
    let mut buffer = Vec::with_capacity(1 << 20);
    for _ in 0..shape.sales {
        generator.push(&mut buffer);
        if buffer.len() > (1 << 20) - (1 << 10) {
            out.write_all(&buffer).map_err(failed())?;
            buffer.clear();
        }
    }
    out.write_all(&buffer).map_err(failed())?;
    fs::rename(&part, path).map_err(failed())
}

/// The same sales as so many files, which are as many partitions.
pub fn split(path: &Path, n: usize) -> Result<Vec<PathBuf>, Problem> {
    let names: Vec<PathBuf> = (0..n).map(|i| with(path, &format!("{i}-of-{n}"))).collect();
    if names.iter().all(|name| name.exists()) {
        return Ok(names);
    }
    let parts: Vec<PathBuf> = names.iter().map(|name| with(name, "part")).collect();
    let open = |part: &PathBuf| {
        File::create(part)
            .map(BufWriter::new)
            .map_err(Problem::file(part))
    };
    let mut outs = parts.iter().map(open).collect::<Result<Vec<_>, _>>()?;
    let whole = File::open(path).map_err(Problem::file(path))?;
    let mut whole = BufReader::with_capacity(1 << 20, whole);
    let mut line = Vec::new();
    for at in (0..n).cycle() {
        line.clear();
        if whole
            .read_until(b'\n', &mut line)
            .map_err(Problem::file(path))?
            == 0
        {
            break;
        }
        outs[at]
            .write_all(&line)
            .map_err(Problem::file(&parts[at]))?;
    }
    for ((mut out, part), name) in outs.into_iter().zip(&parts).zip(&names) {
        out.flush().map_err(Problem::file(part))?;
        fs::rename(part, name).map_err(Problem::file(part))?;
    }
    Ok(names)
}

/// A file without a sale.
pub fn empty() -> Result<PathBuf, Problem> {
    let path = place::work().join("empty.ndjson");
    super::report::write(&path, "")?;
    Ok(path)
}

/// As a source of `standings run`.
pub fn source(path: &Path) -> String {
    format!("file:{}", path.display())
}

fn with(path: &Path, extension: &str) -> PathBuf {
    PathBuf::from(format!("{}.{extension}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_split_line_by_line() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("sales.ndjson");
        let shape = Shape {
            sales: 7,
            ..Shape::default()
        };
        make(&path, &shape).unwrap();
        let whole = fs::read_to_string(&path).unwrap();
        assert_eq!(whole.lines().count(), 7);
        let parts: Vec<String> = split(&path, 3)
            .unwrap()
            .iter()
            .map(|p| fs::read_to_string(p).unwrap())
            .collect();
        let counts: Vec<usize> = parts.iter().map(|p| p.lines().count()).collect();
        assert_eq!(counts, [3, 2, 2]);
        assert_eq!(parts[1].lines().next(), whole.lines().nth(1));
    }
}
