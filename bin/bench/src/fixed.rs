//! The ceiling: a server that does nothing but send the same bytes.

use std::{fs, net::SocketAddr, path::PathBuf};

use actix_web::{
    App, HttpResponse, HttpServer,
    rt::System,
    web::{Bytes, Data, get},
};

use crate::failure::Failure;

/// Answers every request with the bytes of a file, as JSON, until the process is ended.
#[derive(clap::Args, Debug)]
pub struct Fixed {
    /// Where it listens.
    #[arg(long)]
    listen: SocketAddr,
    /// The bytes.
    file: PathBuf,
}

impl Fixed {
    /// Serves them.
    pub fn serve(self) -> Result<(), Failure> {
        let bytes = Bytes::from(fs::read(self.file)?);
        let answer = |bytes: Data<Bytes>| async move {
            HttpResponse::Ok().content_type("application/json").body(bytes.get_ref().clone())
        };
        let app = move || App::new().app_data(Data::new(bytes.clone())).default_service(get().to(answer));
        Ok(System::new().block_on(async { HttpServer::new(app).bind(self.listen)?.run().await })?)
    }
}
