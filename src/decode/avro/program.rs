//! A writer's schema against a table: what is done with each field, in the order of the record.

use std::sync::Arc;

use super::super::cell::Cell;
use super::super::columns::{Columns, Fills, Object};
use super::super::error::{self, DecodeError, shorten};
use super::super::made::Made;
use super::Fit;
use super::convert::{Chooser, Convert};
use super::declare::declaration;
use super::fast::fast;
use super::input::{Broken, Input};
use super::read::{Fault, Out, read};
use super::schema::{BadSchema, Id, Node, Schema};

/// How records of a schema are read.
#[derive(Debug)]
pub(super) struct Program {
    schema: Arc<Schema>,
    body: Body,
    fit: Fit,
}

/// How a record's fields are read.
#[derive(Debug, Default)]
struct Body {
    steps: Vec<Step>,
    /// Columns that it has not got: the places in the list.
    absent: Vec<usize>,
    /// Of these the first that may not be NULL: its name.
    required: Option<String>,
}

#[derive(Debug)]
enum Step {
    /// Passed over.
    Skip(Id),
    /// Into the column with this place in the list.
    Column(usize, Convert),
    /// A record whose fields are columns.
    Row(Box<Row>),
}

#[derive(Debug)]
struct Row {
    /// Whether it is a union of these branches.
    is_union: bool,
    branches: Vec<Branch>,
    /// The columns of its fields.
    all: Vec<usize>,
    /// Its name, where it may not be null.
    required: Option<String>,
    name: String,
}

#[derive(Debug)]
enum Branch {
    Null,
    Record(Body),
    Refuse { found: String, expected: String },
}

impl Program {
    pub(super) fn new(schema: &Arc<Schema>, columns: &Columns) -> Result<Self, BadSchema> {
        Program::of(schema, schema.root, columns)
    }

    /// Of one type of the schema.
    pub(super) fn of(
        schema: &Arc<Schema>,
        root_id: Id,
        columns: &Columns,
    ) -> Result<Self, BadSchema> {
        let root = &schema.types[root_id];
        if !matches!(root.node, Node::Record(_)) {
            return Err(BadSchema::NoRecord(root.name.clone()));
        }
        let mut compiler = Compiler {
            chooser: Chooser { schema },
            columns,
            fit: Fit::default(),
        };
        let body = compiler.body(root_id, &columns.root, true);
        let fit = compiler.fit;
        Ok(Program {
            schema: Arc::clone(schema),
            body,
            fit,
        })
    }

    pub(super) fn fit(self) -> Fit {
        self.fit
    }

    /// Reads a whole record.
    pub(super) fn run(
        &self,
        mut input: Input<'_>,
        columns: &Columns,
        cells: &mut [Cell],
        made: &mut Made,
    ) -> Result<(), DecodeError> {
        let mut run = Run {
            schema: &self.schema,
            columns,
            cells,
            made,
        };
        run.body(&self.body, &mut input)?;
        match input.rest() {
            0 => Ok(()),
            more => Err(malformed(format!(
                "{more} bytes are left behind the record: it was written with another schema"
            ))),
        }
    }
}

struct Compiler<'c> {
    chooser: Chooser<'c>,
    columns: &'c Columns,
    fit: Fit,
}

impl Compiler<'_> {
    fn body(&mut self, id: Id, object: &Object, is_root: bool) -> Body {
        let schema = Arc::clone(self.chooser.schema);
        let Node::Record(written) = &schema.types[id].node else {
            return Body::default();
        };
        let mut body = Body::default();
        let mut fills: Vec<Option<&Fills>> = vec![None; written.len()];
        for field in &object.fields {
            let exact = written.iter().position(|w| w.name == field.name);
            let other = || {
                written.iter().position(|w| {
                    is_root && self.columns.known_as(&w.name) == field.name
                        || w.aliases.contains(&field.name)
                })
            };
            match exact.or_else(other).filter(|at| fills[*at].is_none()) {
                Some(at) => fills[at] = Some(&field.fills),
                None => {
                    leaves(&field.fills, &mut body.absent);
                    self.fit.lacking.push(field.full.clone());
                    if field.required {
                        body.required.get_or_insert_with(|| field.full.clone());
                    }
                }
            }
        }
        if let Some(name) = body.required.as_ref().filter(|_| is_root) {
            self.fit.required = Some(name.clone());
        }
        let steps = written.iter().zip(fills).map(|(field, fills)| match fills {
            None => Step::Skip(field.of),
            Some(Fills::Column(place)) => {
                let column = &self.columns.list[*place];
                let convert = self.chooser.choose(field.of, column.kind, &column.of, 0);
                if let Some(why) = never(&convert) {
                    self.fit.misfits.push((column.name.clone(), why));
                }
                Step::Column(*place, convert)
            }
            Some(Fills::Row(_, inner)) => {
                let (name, required) = row_of(object, inner);
                self.row(field.of, inner, (name, required))
            }
        });
        body.steps = steps.collect();
        body
    }

    fn row(&mut self, id: Id, object: &Object, (name, required): (String, bool)) -> Step {
        let schema = Arc::clone(self.chooser.schema);
        let (is_union, ids) = match &schema.types[id].node {
            Node::Union(branches) => (true, branches.clone()),
            _ => (false, vec![id]),
        };
        let branches = ids.into_iter().map(|id| match &schema.types[id].node {
            Node::Null => Branch::Null,
            Node::Record(_) => Branch::Record(self.body(id, object, false)),
            _ => Branch::Refuse {
                found: format!("Avro's {}", schema.types[id].name),
                expected: format!("a record; declare {}", declaration(&schema, id, 0)),
            },
        });
        let branches: Vec<Branch> = branches.collect();
        if let Some(why) = branches.iter().find_map(|b| match b {
            Branch::Refuse { found, expected } => {
                Some(format!("found {found}, expected {expected}"))
            }
            _ => None,
        }) && !branches.iter().any(|b| matches!(b, Branch::Record(_)))
        {
            self.fit.misfits.push((name.clone(), why));
        }
        let mut all = Vec::new();
        for field in &object.fields {
            leaves(&field.fills, &mut all);
        }
        Step::Row(Box::new(Row {
            is_union,
            branches,
            all,
            required: required.then(|| name.clone()),
            name,
        }))
    }
}

/// The name of a row, and whether it must be there.
fn row_of(object: &Object, inner: &Object) -> (String, bool) {
    let mut fields = object.fields.iter();
    let is_it = |f: &&super::super::columns::Field| match &f.fills {
        Fills::Row(_, of) => std::ptr::eq(of, inner),
        Fills::Column(_) => false,
    };
    let field = fields.find(is_it);
    field.map_or((String::new(), false), |f| (f.full.clone(), f.required))
}

/// The columns that a field fills.
fn leaves(fills: &Fills, into: &mut Vec<usize>) {
    match fills {
        Fills::Column(place) => into.push(*place),
        Fills::Row(_, object) => object.fields.iter().for_each(|f| leaves(&f.fills, into)),
    }
}

/// Why no value of a writer's type is ever taken.
fn never(convert: &Convert) -> Option<String> {
    match convert {
        Convert::Refuse { found, expected } => Some(format!("found {found}, expected {expected}")),
        Convert::Option { some, .. } => never(some),
        Convert::Union(branches) => {
            let mut some = branches.iter().filter(|b| !matches!(b, Convert::Null));
            let first = never(some.next()?)?;
            some.all(|b| never(b).is_some()).then_some(first)
        }
        Convert::Array(part) => never(&part.convert),
        Convert::Map(key, part) => never(&key.convert).or_else(|| never(&part.convert)),
        _ => None,
    }
}

#[cold]
pub(super) fn malformed(detail: String) -> DecodeError {
    DecodeError::new(error::MALFORMED, detail)
}

#[cold]
fn missing(name: &str) -> DecodeError {
    let detail = format!("field {:?} is missing", shorten(name));
    DecodeError::new(error::MISSING_FIELD, detail)
}

struct Run<'r> {
    schema: &'r Schema,
    columns: &'r Columns,
    cells: &'r mut [Cell],
    made: &'r mut Made,
}

impl Run<'_> {
    fn body(&mut self, body: &Body, input: &mut Input<'_>) -> Result<(), DecodeError> {
        if let Some(name) = &body.required {
            return Err(missing(name));
        }
        for place in &body.absent {
            self.cells[self.columns.list[*place].number] = Cell::Null;
        }
        for step in &body.steps {
            match step {
                Step::Skip(id) => input
                    .skip(self.schema, *id)
                    .map_err(|broken| cut(broken, input, None))?,
                Step::Column(place, convert) => self.column(*place, convert, input)?,
                Step::Row(row) => self.row(row, input)?,
            }
        }
        Ok(())
    }

    #[inline]
    fn column(
        &mut self,
        place: usize,
        convert: &Convert,
        input: &mut Input<'_>,
    ) -> Result<(), DecodeError> {
        let column = &self.columns.list[place];
        if let Some(cell) = fast(convert, input) {
            self.cells[column.number] = cell;
            return Ok(());
        }
        let out = match read(convert, self.schema, input, &self.made.zone) {
            Ok(out) => out,
            Err(fault) => return Err(told(fault, input, &column.name)),
        };
        self.cells[column.number] = match out {
            Out::Int(n) => Cell::Int(n),
            Out::Decimal(n) => Cell::Decimal(n),
            Out::Double(n) => Cell::Double(n),
            // It is what was read last.
            Out::Bytes(bytes) => Cell::Text {
                start: (input.at() - bytes.len()) as u32,
                end: input.at() as u32,
                scratch: false,
            },
            Out::Symbol(text) => self.made.bytes(text.as_bytes()),
            Out::Text(text) => self.made.bytes(text.as_bytes()),
            Out::Value(value) => self.made.value(value),
            Out::Null if column.required => {
                let (reason, expected) = (error::MISSING_FIELD, "a value");
                return Err(DecodeError::field(reason, &column.name, "null", expected));
            }
            Out::Null => Cell::Null,
        };
        Ok(())
    }

    fn row(&mut self, row: &Row, input: &mut Input<'_>) -> Result<(), DecodeError> {
        let chosen = match row.is_union {
            true => input.choice(row.branches.len()),
            false => Ok(0),
        };
        let chosen = chosen.map_err(|broken| cut(broken, input, Some(&row.name)))?;
        match &row.branches[chosen] {
            Branch::Record(body) => self.body(body, input),
            Branch::Null => match &row.required {
                Some(name) => Err(missing(name)),
                None => {
                    for place in &row.all {
                        self.cells[self.columns.list[*place].number] = Cell::Null;
                    }
                    Ok(())
                }
            },
            Branch::Refuse { found, expected } => Err(DecodeError::field(
                error::WRONG_TYPE,
                &row.name,
                found,
                expected,
            )),
        }
    }
}

#[cold]
fn told(fault: Fault, input: &Input<'_>, name: &str) -> DecodeError {
    match fault {
        Fault::Broken(broken) => cut(broken, input, Some(name)),
        Fault::Refused(refused) => DecodeError::field(refused.0, name, &refused.1, &refused.2),
        Fault::Missing(inner) => missing(&format!("{name}{inner}")),
    }
}

/// What is wrong with a record's bytes.
#[cold]
pub(super) fn cut(broken: Broken, input: &Input<'_>, name: Option<&str>) -> DecodeError {
    let at = input.at();
    let place = match name {
        Some(name) => format!("byte {at}, field {:?}", shorten(name)),
        None => format!("byte {at}"),
    };
    let what = match broken {
        Broken::Cut => "the record ends in the middle of a value".to_owned(),
        Broken::Varint => "a number of more bits than its type has".to_owned(),
        Broken::Size(n) => format!("a size of {n}"),
        Broken::Branch(n) => format!("branch or symbol {n}, which its schema has not got"),
        Broken::Boolean(n) => format!("a boolean of {n}"),
        Broken::Deep => "more than 64 values in each other".to_owned(),
        Broken::Budget => "more parts than a record of its length may have".to_owned(),
    };
    malformed(format!("{place}: {what}"))
}
