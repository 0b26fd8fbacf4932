//! What the operations listener answers: to those who run the server, not to those who use it.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use actix_web::{
    App as Assembly, Error, HttpRequest, HttpResponse,
    body::MessageBody,
    dev::{ServiceFactory, ServiceRequest, ServiceResponse},
    get,
    web::{self, Data},
};
use crm_api::problem::{Code, Problem};
use crm_app::App;
use crm_monitoring::Metrics;
use serde_json::json;

/// What the listener knows.
#[derive(Clone)]
pub struct Operations {
    /// The use cases.
    pub app: App,
    /// Whether the process takes requests; it stops to before it ends.
    pub serving: Arc<AtomicBool>,
    /// What is counted.
    pub metrics: Metrics,
}

/// The server of one worker.
pub fn server(
    state: Operations,
) -> Assembly<
    impl ServiceFactory<
        ServiceRequest,
        Config = (),
        Response = ServiceResponse<impl MessageBody>,
        Error = Error,
        InitError = (),
    >,
> {
    Assembly::new()
        .app_data(Data::new(state))
        .service(live)
        .service(ready)
        .service(metrics)
        .default_service(web::to(nothing_here))
}

#[get("/health/live")]
async fn live() -> HttpResponse {
    HttpResponse::Ok().json(json!({"status": "ok"}))
}

#[get("/health/ready")]
async fn ready(state: Data<Operations>) -> Result<HttpResponse, Problem> {
    if !state.serving.load(Ordering::Acquire) {
        return Err(Problem::new(Code::Unavailable, "The server is stopping.").retry_after(1));
    }
    state.app.ready().await?;
    Ok(HttpResponse::Ok().json(json!({"status": "ok"})))
}

#[get("/metrics")]
async fn metrics(state: Data<Operations>) -> HttpResponse {
    HttpResponse::Ok().content_type("text/plain; version=0.0.4; charset=utf-8").body(state.metrics.text())
}

async fn nothing_here(_: HttpRequest) -> Result<HttpResponse, Problem> {
    Err(Problem::not_found())
}
