//! Forms with files: they may take long, but they must keep coming.

use std::{
    future::{Ready, ready},
    io,
    time::Duration,
};

use actix_multipart::Multipart;
use actix_web::{
    FromRequest, HttpRequest,
    dev::Payload,
    error::PayloadError,
    web::{Bytes, Data},
};
use futures_util::{Stream, StreamExt, stream};
use tokio::time::{Instant, timeout_at};

use crate::{ApiSettings, problem::Problem};

/// What must arrive within each span of the deadline of bodies: at ten seconds, 6.4 KiB a second.
const LEAST_BYTES: usize = 64 * 1024;

/// A form whose sender does not fall asleep.
pub(crate) struct Form(pub(crate) Multipart);

impl FromRequest for Form {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let settings = request.app_data::<Data<ApiSettings>>().expect("the server is assembled with its settings");
        ready(Ok(Self(Multipart::new(request.headers(), paced(payload.take(), settings.body_deadline)))))
    }
}

/// The same bytes, and an error of the kind `TimedOut` where too few come in time.
fn paced<S>(body: S, within: Duration) -> impl Stream<Item = Result<Bytes, PayloadError>> + use<S>
where
    S: Stream<Item = Result<Bytes, PayloadError>> + Unpin,
{
    let state = Some((body, Instant::now() + within, 0));
    stream::unfold(state, move |state| async move {
        let (mut body, deadline, arrived) = state?;
        let Ok(piece) = timeout_at(deadline, body.next()).await else {
            return Some((Err(PayloadError::Io(io::ErrorKind::TimedOut.into())), None));
        };
        let piece = piece?;
        let arrived = arrived + piece.as_ref().map_or(0, Bytes::len);
        let next = if arrived < LEAST_BYTES { (body, deadline, arrived) } else { (body, Instant::now() + within, 0) };
        Some((piece, Some(next)))
    })
    // The reader of the form asks once more behind the end.
    .fuse()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pieces of so many bytes, and then nothing, for ever.
    async fn outcome(pieces: &[usize]) -> (usize, Option<io::ErrorKind>) {
        let pieces: Vec<_> = pieces.iter().map(|length| Ok(Bytes::from(vec![0; *length]))).collect();
        let body = stream::iter(pieces).chain(stream::pending());
        let mut paced = Box::pin(paced(Box::pin(body), Duration::from_millis(20)));
        let mut arrived = 0;
        loop {
            match paced.next().await {
                Some(Ok(piece)) => arrived += piece.len(),
                Some(Err(PayloadError::Io(error))) => return (arrived, Some(error.kind())),
                other => panic!("{other:?}"),
            }
        }
    }

    #[actix_rt::test]
    async fn a_sender_that_falls_asleep_is_cut_off_whatever_it_sent_before() {
        for pieces in [&[][..], &[1], &[LEAST_BYTES, LEAST_BYTES, 1], &[1; 100]] {
            assert_eq!(outcome(pieces).await, (pieces.iter().sum(), Some(io::ErrorKind::TimedOut)));
        }
    }
}
