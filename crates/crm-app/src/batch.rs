//! Many operations in one request: all or nothing, or each on its own.

use crm_domain::{Invalid, Version, Violation, access::Actor};
use crm_persistence::{Recorded, WriteTx};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::{Answer, App, Error, Expected, Once};

/// The most operations of one batch.
pub const MOST_OPERATIONS: usize = 500;

/// Whether the operations of a batch stand and fall together.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Atomicity {
    /// One that fails takes all others with it.
    Together,
    /// Each stands or fails on its own.
    Each,
}

/// The body of a batch.
#[derive(Debug)]
pub struct BatchRequest {
    /// The operations in order; one that cannot be read fails alone.
    pub operations: Vec<Result<Operation, Invalid>>,
    /// Whether they stand and fall together.
    pub atomicity: Atomicity,
}

/// One operation of a batch.
#[derive(Clone, Debug, PartialEq)]
pub enum Operation {
    /// Make a record.
    Create {
        /// Its fields.
        data: Value,
    },
    /// Change a record.
    Update {
        /// Which.
        id: Uuid,
        /// The version that it must have.
        expected: Expected,
        /// What shall change (JSON Merge Patch).
        data: Value,
    },
    /// Change the record that has the same value of a field, or make one.
    Upsert {
        /// The name of the field.
        by: String,
        /// Its fields, that one among them.
        data: Value,
    },
    /// Remove a record.
    Delete {
        /// Which.
        id: Uuid,
        /// The version that it must have.
        expected: Expected,
    },
}

/// What an operation has done.
#[derive(Clone, Debug)]
pub enum Done<T> {
    /// This record was made.
    Created(T),
    /// This record was changed, or was so already.
    Updated(T),
    /// The record with this id was removed.
    Deleted(Uuid),
}

/// The results of a batch, in the order of its operations.
#[derive(Debug)]
pub struct BatchOutcome<T> {
    /// One for each operation.
    pub results: Vec<Result<Done<T>, Error>>,
    /// Whether the operations that succeeded have been kept; in a batch that stands and falls together, none is when
    /// one has failed.
    pub kept: bool,
}

impl BatchRequest {
    /// Reads `{"operations": […], "atomic": true|false}`; atomic where nothing is said.
    pub fn read(value: Value) -> Result<Self, Invalid> {
        let Value::Object(mut object) = value else {
            return Err(Invalid::one("", "type", "must be a JSON object"));
        };
        let mut invalid = Invalid::default();
        let atomicity = match object.remove("atomic") {
            None | Some(Value::Bool(true)) => Atomicity::Together,
            Some(Value::Bool(false)) => Atomicity::Each,
            Some(_) => {
                invalid.errors.push(Violation::new("type", "must be true or false").at("/atomic"));
                Atomicity::Together
            }
        };
        let operations = match object.remove("operations") {
            Some(Value::Array(operations)) if (1..=MOST_OPERATIONS).contains(&operations.len()) => operations,
            _ => {
                let detail = format!("must be a list of 1 to {MOST_OPERATIONS} operations");
                invalid.errors.push(Violation::new("operations", detail).at("/operations"));
                Vec::new()
            }
        };
        refuse_unknown(&object, &mut invalid);
        let operations = operations.into_iter().map(Operation::read).collect();
        invalid.finish(Self { operations, atomicity })
    }
}

impl Operation {
    fn read(value: Value) -> Result<Self, Invalid> {
        let Value::Object(mut object) = value else {
            return Err(Invalid::one("", "type", "must be a JSON object"));
        };
        let mut invalid = Invalid::default();
        let word = object.remove("op");
        let operation = match word.as_ref().and_then(Value::as_str) {
            Some("create") => data(&mut object, &mut invalid).map(|data| Self::Create { data }),
            Some("update") => {
                let (id, expected) = (id(&mut object, &mut invalid), expected(&mut object, &mut invalid));
                let data = data(&mut object, &mut invalid);
                id.zip(expected).zip(data).map(|((id, expected), data)| Self::Update { id, expected, data })
            }
            Some("upsert") => {
                let by = by(&mut object, &mut invalid);
                by.zip(data(&mut object, &mut invalid)).map(|(by, data)| Self::Upsert { by, data })
            }
            Some("delete") => {
                let (id, expected) = (id(&mut object, &mut invalid), expected(&mut object, &mut invalid));
                id.zip(expected).map(|(id, expected)| Self::Delete { id, expected })
            }
            _ => {
                return Err(Invalid::one("/op", "choice", "must be one of: create, update, upsert, delete"));
            }
        };
        refuse_unknown(&object, &mut invalid);
        match operation {
            Some(operation) => invalid.finish(operation),
            None => Err(invalid),
        }
    }
}

fn data(object: &mut Map<String, Value>, invalid: &mut Invalid) -> Option<Value> {
    let data = object.remove("data").ok_or_else(|| Violation::new("required", "must have a value"));
    invalid.note("/data", data)
}

fn id(object: &mut Map<String, Value>, invalid: &mut Invalid) -> Option<Uuid> {
    let id = object.remove("id");
    let id = id.as_ref().and_then(Value::as_str).and_then(|text| Uuid::try_parse(text).ok());
    invalid.note("/id", id.ok_or_else(|| Violation::new("uuid", "must be a UUID")))
}

fn by(object: &mut Map<String, Value>, invalid: &mut Invalid) -> Option<String> {
    let by = object.remove("match");
    let by = by.as_ref().and_then(Value::as_str).map(str::to_owned);
    invalid.note("/match", by.ok_or_else(|| Violation::new("required", "must name the field to match by")))
}

/// `version` as a number, or `if_match` as an entity tag (`"3"`, quotes included, or `*`).
fn expected(object: &mut Map<String, Value>, invalid: &mut Invalid) -> Option<Expected> {
    let (pointer, read) = match (object.remove("version"), object.remove("if_match")) {
        (Some(number), None) => ("/version", number.as_i64().and_then(version)),
        (None, Some(tag)) => ("/if_match", tag.as_str().and_then(entity_tag)),
        _ => ("/if_match", None),
    };
    let message = || Violation::new("version", "must have either a version, or if_match with an entity tag or *");
    invalid.note(pointer, read.ok_or_else(message))
}

fn entity_tag(tag: &str) -> Option<Expected> {
    if tag == "*" {
        return Some(Expected::Any);
    }
    let digits = tag.strip_prefix('"')?.strip_suffix('"')?;
    let is_plain = digits.bytes().all(|byte| byte.is_ascii_digit()) && !digits.starts_with('0');
    is_plain.then(|| digits.parse().ok()).flatten().and_then(version)
}

fn version(number: i64) -> Option<Expected> {
    Version::new(number).ok().map(Expected::Version)
}

fn refuse_unknown(object: &Map<String, Value>, invalid: &mut Invalid) {
    for name in object.keys() {
        let pointer = format!("/{}", name.replace('~', "~0").replace('/', "~1"));
        invalid.errors.push(Violation::new("unknown_field", "is not a field of this body").at(pointer));
    }
}

impl App {
    /// Runs a batch as one unit of work, each operation inside a savepoint of its own so that all problems are told.
    ///
    /// A fault of the service ends the whole batch without effect.
    pub(crate) async fn batch<T, F>(
        &self,
        actor: &Actor,
        request: BatchRequest,
        once: Once<BatchOutcome<T>>,
        mut apply: F,
    ) -> Result<Answer, Error>
    where
        T: Send + 'static,
        F: FnMut(&mut WriteTx, Operation) -> Result<Recorded<Done<T>>, Error> + Send + 'static,
    {
        let BatchRequest { operations, atomicity } = request;
        let render = once.render;
        let answer = self.write(actor, move |tx| {
            once.run(tx, move |tx| {
                let outcome = perform(tx, operations, atomicity, &mut apply)?;
                if outcome.value().kept {
                    return Ok(outcome);
                }
                // The answer leaves as an error so that the whole unit of work is undone, the idempotency key too.
                Err(Error::Answered(Box::new(render(outcome.value()))))
            })
        });
        match answer.await {
            Err(Error::Answered(answer)) => Ok(*answer),
            answer => answer,
        }
    }
}

fn perform<T>(
    tx: &mut WriteTx,
    operations: Vec<Result<Operation, Invalid>>,
    atomicity: Atomicity,
    apply: &mut impl FnMut(&mut WriteTx, Operation) -> Result<Recorded<Done<T>>, Error>,
) -> Result<Recorded<BatchOutcome<T>>, Error> {
    let mut recorded = Vec::with_capacity(operations.len());
    let mut failures = Vec::with_capacity(operations.len());
    for operation in operations {
        let done = operation
            .map_err(Error::Invalid)
            .and_then(|operation| tx.savepoint(|tx| apply(tx, operation)).map_err(within_operation));
        match done {
            Ok(done) => {
                recorded.push(done);
                failures.push(None);
            }
            Err(fault) if fault.is_fault_of_service() => return Err(fault),
            Err(refusal) => failures.push(Some(refusal)),
        }
    }
    let kept = atomicity == Atomicity::Each || failures.iter().all(Option::is_none);
    Ok(Recorded::all(recorded).map(|done| {
        let mut done = done.into_iter();
        let mut result = |failure: Option<Error>| match failure {
            Some(failure) => Err(failure),
            None => Ok(done.next().expect("each operation either failed or was done")),
        };
        BatchOutcome { results: failures.into_iter().map(&mut result).collect(), kept }
    }))
}

/// A use case speaks of the fields of a record; in an operation they stand under `data`.
fn within_operation(refusal: Error) -> Error {
    let Error::Invalid(mut invalid) = refusal else { return refusal };
    for error in invalid.errors.iter_mut().filter(|error| error.pointer != "/match") {
        error.pointer.insert_str(0, "/data");
    }
    Error::Invalid(invalid)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(operation: &Value) -> Result<Operation, Vec<(String, &'static str)>> {
        let request = BatchRequest::read(json!({ "operations": [operation] })).expect("the frame is good");
        let read = request.operations.into_iter().next().expect("there is one operation");
        read.map_err(|invalid| invalid.errors.into_iter().map(|error| (error.pointer, error.code)).collect())
    }

    #[test]
    fn operations_are_read_in_all_their_forms() {
        let id = Uuid::from_u128(7);
        let expected = Expected::Version(Version::FIRST.next());
        let data = json!({ "name": "Exemple" });
        assert_eq!(read(&json!({ "op": "create", "data": data })), Ok(Operation::Create { data: data.clone() }));
        let update = Operation::Update { id, expected, data: data.clone() };
        assert_eq!(read(&json!({ "op": "update", "id": id, "version": 2, "data": data })), Ok(update.clone()));
        assert_eq!(read(&json!({ "op": "update", "id": id, "if_match": "\"2\"", "data": data })), Ok(update));
        let delete = Operation::Delete { id, expected: Expected::Any };
        assert_eq!(read(&json!({ "op": "delete", "id": id, "if_match": "*" })), Ok(delete));
        let upsert = Operation::Upsert { by: "lei".to_owned(), data: data.clone() };
        assert_eq!(read(&json!({ "op": "upsert", "match": "lei", "data": data })), Ok(upsert));
    }

    #[test]
    fn an_operation_that_cannot_be_read_says_where() {
        let error = |pointer: &str, code: &'static str| (pointer.to_owned(), code);
        assert_eq!(read(&json!({ "op": "merge" })), Err(vec![error("/op", "choice")]));
        assert_eq!(read(&json!(1)), Err(vec![error("", "type")]));
        assert_eq!(
            read(&json!({ "op": "delete", "id": "x", "colour": 1 })),
            Err(vec![error("/id", "uuid"), error("/if_match", "version"), error("/colour", "unknown_field")])
        );
        let both = json!({ "op": "delete", "id": Uuid::nil(), "version": 1, "if_match": "*" });
        assert_eq!(read(&both), Err(vec![error("/if_match", "version")]));
        let unquoted = json!({ "op": "delete", "id": Uuid::nil(), "if_match": "1" });
        assert_eq!(read(&unquoted), Err(vec![error("/if_match", "version")]));
    }

    #[test]
    fn a_batch_has_one_to_five_hundred_operations() {
        let batch = |length: usize| BatchRequest::read(json!({ "operations": vec![json!({}); length] }));
        assert!(batch(0).is_err());
        assert_eq!(batch(500).expect("500 are allowed").operations.len(), 500);
        assert!(batch(501).is_err());
        assert!(BatchRequest::read(json!({ "operations": [{}], "atomic": "yes" })).is_err());
        assert!(BatchRequest::read(json!({ "operations": [{}], "mode": 1 })).is_err());
    }
}
