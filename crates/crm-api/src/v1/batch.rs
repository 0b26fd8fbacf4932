//! Batches: many operations in one request.

use actix_web::{HttpResponse, http::StatusCode};
use crm_app::{Answer, BatchOutcome, Done, Error};
use crm_domain::FieldError;
use crm_monitoring::RequestId;
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    answer,
    problem::{Code, PROBLEM_JSON, Problem},
};

/// Body of a batch.
#[derive(ToSchema)]
#[allow(dead_code, reason = "it describes what `BatchRequest::read` takes")]
pub(crate) struct BatchBody {
    /// What to do, in order. What an operation is depends on the resource: see `openapi::batch`.
    #[schema(min_items = 1, max_items = 500, value_type = Vec<Object>)]
    operations: Vec<Value>,
    /// Whether one failure undoes everything.
    #[schema(default = true, required = false)]
    atomic: bool,
}

/// The results of a batch, one for each operation, in order.
#[derive(ToSchema)]
#[allow(dead_code, reason = "it describes what `rendered` writes")]
pub(crate) struct BatchResults {
    results: Vec<BatchResult>,
}

/// What became of one operation.
#[derive(ToSchema)]
#[allow(dead_code, reason = "it describes what `result` writes")]
pub(crate) struct BatchResult {
    /// The status that a request of its own would have had.
    #[schema(minimum = 200, maximum = 599)]
    status: u16,
    /// The record, where it was made or changed.
    #[schema(nullable = false, value_type = Option<Object>)]
    record: Option<Value>,
    /// The record's id, where it was removed.
    #[schema(nullable = false)]
    id: Option<Uuid>,
    /// Why it failed.
    #[schema(nullable = false, value_type = Option<Object>)]
    problem: Option<Value>,
}

/// Renders the outcome inside its unit of work.
pub(super) fn rendered<T: Serialize>(outcome: &BatchOutcome<T>) -> Answer {
    let results: Vec<Value> = outcome.results.iter().map(result).collect();
    if outcome.kept {
        return answer::answer(StatusCode::OK, None, None, &json!({ "results": results }));
    }
    let errors = outcome.results.iter().enumerate();
    let errors =
        errors.filter_map(|(index, result)| Some(errors_of(index, result.as_ref().err()?))).flatten().collect();
    let detail = "The batch stands and falls as a whole, and some operations failed.";
    let mut problem = Problem::new(Code::BatchRefused, detail).with_errors(errors).to_json();
    problem["results"] = Value::Array(results);
    answer::answer(StatusCode::UNPROCESSABLE_ENTITY, None, None, &problem)
}

/// Sends the outcome; a refusal is a problem of this request.
pub(super) fn sent(answer: Answer, request_id: Option<RequestId>) -> HttpResponse {
    if answer.status < 400 {
        return answer::sent(answer);
    }
    let mut problem: Value = serde_json::from_slice(&answer.body).expect("it was rendered as JSON above");
    problem["request_id"] = json!(request_id.map(|id| id.as_str().to_owned()));
    HttpResponse::UnprocessableEntity().content_type(PROBLEM_JSON).body(problem.to_string())
}

fn result<T: Serialize>(result: &Result<Done<T>, Error>) -> Value {
    match result {
        Ok(Done::Created(record)) => json!({"status": 201, "record": record}),
        Ok(Done::Updated(record)) => json!({"status": 200, "record": record}),
        Ok(Done::Deleted(id)) => json!({"status": 204, "id": id}),
        Err(error) => {
            let problem = Problem::from_refusal(error).to_json();
            json!({"status": problem["status"], "problem": problem})
        }
    }
}

fn errors_of(index: usize, error: &Error) -> Vec<FieldError> {
    let problem = Problem::from_refusal(error);
    let place = format!("/operations/{index}");
    if problem.errors().is_empty() {
        let (code, detail) = (problem.code().row().name, problem.detail().to_owned());
        return vec![FieldError { pointer: place, code, detail }];
    }
    let moved = |error: &FieldError| FieldError { pointer: format!("{place}{}", error.pointer), ..error.clone() };
    problem.errors().iter().map(moved).collect()
}
