//! The columns of a file as a table declares them.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow_schema::{DataType, Fields};
use parquet::arrow::arrow_reader::ArrowReaderMetadata;

use super::FileError;
use super::Site;
use super::cells::is_readable;
use standings_model::types::{RowField, Type, Width};

/// The columns of a file, and the type of each; none for one that is not read.
pub fn declared(site: &Site) -> Result<Vec<(String, Option<Type>)>, FileError> {
    Ok(of_footer(&super::footer(site)?))
}

/// The same of a file that is open.
pub fn declared_of(file: File, path: &Path) -> Result<Vec<(String, Option<Type>)>, FileError> {
    Ok(of_footer(&super::begin(&file, path)?))
}

fn of_footer(footer: &ArrowReaderMetadata) -> Vec<(String, Option<Type>)> {
    let columns = footer.schema().fields().iter();
    let one = |f: &Arc<arrow_schema::Field>| {
        let kind = is_readable(f.data_type()).then(|| of(f.data_type()));
        (f.name().clone(), kind.flatten())
    };
    columns.map(one).collect()
}

fn of(kind: &DataType) -> Option<Type> {
    let decimal = |precision: u8, scale: i8| {
        let scale = u8::try_from(scale).ok()?;
        (precision <= 38).then(|| Type::decimal(precision, scale))
    };
    Some(match kind {
        DataType::Null | DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Type::STRING,
        DataType::Boolean => Type::Boolean,
        DataType::Int8 => Type::Integer(Width::Tiny),
        DataType::Int16 | DataType::UInt8 => Type::Integer(Width::Small),
        DataType::Int32 | DataType::UInt16 => Type::Integer(Width::Int),
        DataType::Int64 | DataType::UInt32 => Type::BIGINT,
        DataType::UInt64 => Type::decimal(20, 0),
        DataType::Float16 | DataType::Float32 => Type::Float,
        DataType::Float64 => Type::Double,
        DataType::Decimal32(p, s)
        | DataType::Decimal64(p, s)
        | DataType::Decimal128(p, s)
        | DataType::Decimal256(p, s) => decimal(*p, *s)?,
        DataType::Date32 | DataType::Date64 => Type::Date,
        DataType::Time32(_) | DataType::Time64(_) => Type::Time,
        DataType::Timestamp(unit, zone) => {
            let digits = match unit {
                arrow_schema::TimeUnit::Second | arrow_schema::TimeUnit::Millisecond => 3,
                _ => 6,
            };
            match zone {
                Some(_) => Type::Instant(digits),
                None => Type::Timestamp(digits),
            }
        }
        DataType::Struct(fields) => Type::Row(row(fields)?),
        DataType::List(of) | DataType::LargeList(of) | DataType::FixedSizeList(of, _) => {
            Type::Array(Arc::new(self::of(of.data_type())?))
        }
        DataType::Map(entries, _) => match entries.data_type() {
            DataType::Struct(pair) if pair.len() == 2 => {
                let (key, value) = (of(pair[0].data_type())?, of(pair[1].data_type())?);
                Type::Map(Arc::new((key, value)))
            }
            _ => return None,
        },
        DataType::Binary
        | DataType::LargeBinary
        | DataType::BinaryView
        | DataType::FixedSizeBinary(_) => Type::Bytes,
        _ => return None,
    })
}

fn row(fields: &Fields) -> Option<Arc<[RowField]>> {
    let all = fields.iter().map(|f| {
        Some(RowField {
            name: f.name().clone(),
            kind: of(f.data_type())?,
            nullable: true,
        })
    });
    all.collect()
}
