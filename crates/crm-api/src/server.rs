//! Puts the routes and everything around them together, the same for the binary and for tests.

use actix_web::{
    App as Assembly, Error, HttpRequest, HttpResponse,
    body::MessageBody,
    dev::{ServiceFactory, ServiceRequest, ServiceResponse},
    middleware::{Compress, from_fn},
    web::{self, Data},
};
use crm_app::App;
use crm_monitoring::{AssignRequestId, Monitoring, Observe, RequestLog};
use slog::Logger;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::{
    ApiSettings, client, documentation, extract, health, middleware, monitor, openapi::Routes, problem::Problem,
    rates::Rates, v1,
};

/// What every worker's server is made from. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Api {
    app: Data<App>,
    settings: Data<ApiSettings>,
    rates: Data<Rates>,
    log: Data<Logger>,
    monitoring: Data<Monitoring>,
}

impl Api {
    /// The API over these use cases; one line for each request goes to the log.
    pub fn new(app: App, settings: ApiSettings, log: Logger) -> Self {
        let rates = Data::new(Rates::new(settings.rates));
        let monitoring = Data::new(Monitoring::quiet());
        Self { app: Data::new(app), settings: Data::new(settings), rates, log: Data::new(log), monitoring }
    }

    /// The same, watched by this monitoring, which is also told how the parts of the service are and how much they have to
    /// do.
    #[must_use]
    pub fn monitored(self, monitoring: &Monitoring) -> Self {
        monitor::watch(monitoring, &self.app);
        Self { monitoring: Data::new(monitoring.clone()), ..self }
    }
}

/// The server of one worker, with everything that happens to a request on its way: for `HttpServer::new` and for
/// `actix_web::test::init_service`.
pub fn server(
    api: &Api,
) -> Assembly<
    impl ServiceFactory<
        ServiceRequest,
        Config = (),
        Response = ServiceResponse<impl MessageBody + use<>>,
        Error = Error,
        InitError = (),
    > + use<>,
> {
    let ids = api.app.clone();
    Assembly::new()
        .app_data(api.app.clone())
        .app_data(api.settings.clone())
        .app_data(api.rates.clone())
        .app_data(api.log.clone())
        .app_data(api.monitoring.clone())
        .configure(|config| routes(&mut ServiceConfig::new(config)))
        .default_service(web::to(nothing_here))
        // The last one is the first to see a request.
        .wrap(from_fn(extract::cached))
        .wrap(from_fn(extract::authenticated))
        .wrap(from_fn(middleware::bounded))
        .wrap(Compress::default())
        .wrap(from_fn(middleware::finished))
        .wrap(from_fn(middleware::bodiless_head))
        .wrap(from_fn(client::located))
        .wrap(RequestLog::new(api.log.get_ref().clone()).slower_than(api.monitoring.slow()))
        .wrap(AssignRequestId::new(move || ids.new_id::<()>().to_string()))
        .wrap(Observe::new(api.monitoring.get_ref().clone()))
}

/// Every route, in the order in which they are tried.
pub(crate) fn routes(config: &mut ServiceConfig<'_>) {
    health::routes(config);
    documentation::routes(config);
    config.service(utoipa_actix_web::scope(v1::BASE).configure(v1::routes));
}

async fn nothing_here(request: HttpRequest) -> Result<HttpResponse, Problem> {
    Err(Routes::shared().refusal(request.method(), request.path()))
}
