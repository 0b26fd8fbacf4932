//! One WebSocket: it does what the session of the protocol asks for, and decides nothing.
//!
//! It waits for its client, for the hub and for time. A client that does not read keeps nobody waiting but this task, and that
//! not for long.

use std::{collections::VecDeque, time::Duration};

use actix_ws::{CloseCode, CloseReason, Message, MessageStream, ProtocolError, Session};
use crm_app::{Closing, Connection, Ending, Out, Replay, Replayed, Signal};
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep, timeout};

/// How long one message may take to find a place on its way out.
const SLOW: Duration = Duration::from_secs(20);

/// How long the last word may.
const LAST: Duration = Duration::from_secs(1);

/// Why a socket ends: it is closed for a reason, or its client has gone.
type End = Option<Closing>;

/// Serves one socket to its end.
pub(crate) async fn serve(connection: Connection, session: Session, messages: MessageStream, heartbeat: Duration) {
    let ending = connection.ending();
    let mut socket = Socket { connection, session, ending };
    let end = socket.talk(messages, heartbeat).await;
    let position = socket.connection.position();
    let Socket { connection, session, .. } = socket;
    drop(connection);
    if let Some(closing) = end {
        close(session, closing, position).await;
    }
}

/// Closes a socket that was not let in.
pub(crate) async fn refuse(session: Session, closing: Closing) {
    close(session, closing, 0).await;
}

async fn close(session: Session, closing: Closing, position: i64) {
    let reason = CloseReason { code: CloseCode::from(closing.code()), description: Some(closing.reason(position)) };
    // Whoever does not read hears no last word either.
    let _heard = timeout(LAST, session.close(Some(reason))).await;
}

struct Socket {
    connection: Connection,
    session: Session,
    ending: Ending,
}

impl Socket {
    async fn talk(&mut self, mut messages: MessageStream, heartbeat: Duration) -> End {
        let mut beat = interval_at(Instant::now() + heartbeat, heartbeat);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let hello = self.connection.hello().into_iter().collect();
        if let Err(end) = self.act(hello).await {
            return end;
        }
        loop {
            let wakes_in = self.connection.wakes_in();
            let wake = async {
                match wakes_in {
                    Some(micros) => sleep(Duration::from_micros(micros)).await,
                    None => std::future::pending().await,
                }
            };
            let out = tokio::select! {
                biased;
                signal = self.connection.next() => match signal {
                    Signal::Event(event) => self.connection.on_event(event),
                    Signal::Close(closing) => return Some(closing),
                },
                message = messages.recv() => match self.heard(message).await {
                    Ok(out) => out,
                    Err(end) => return end,
                },
                _ = beat.tick() => match self.connection.on_tick() {
                    Some(out) => {
                        if timeout(SLOW, self.session.ping(b"")).await.is_err() {
                            return Some(Closing::Overload);
                        }
                        out
                    }
                    None => return None,
                },
                () = wake => self.connection.on_tick().unwrap_or_default(),
            };
            if let Err(end) = self.act(out).await {
                return end;
            }
        }
    }

    async fn heard(&mut self, message: Option<Result<Message, ProtocolError>>) -> Result<Vec<Out>, End> {
        match message {
            Some(Ok(Message::Text(text))) => Ok(self.connection.on_text(&text)),
            Some(Ok(Message::Ping(bytes))) => {
                self.connection.on_life();
                match timeout(SLOW, self.session.pong(&bytes)).await {
                    Ok(Ok(())) => Ok(Vec::new()),
                    Ok(Err(_closed)) => Err(None),
                    Err(_elapsed) => Err(Some(Closing::Overload)),
                }
            }
            Some(Ok(Message::Pong(_) | Message::Nop)) => {
                self.connection.on_life();
                Ok(Vec::new())
            }
            Some(Ok(Message::Binary(_) | Message::Continuation(_))) => Err(Some(Closing::Malformed)),
            Some(Err(ProtocolError::Overflow)) => Err(Some(Closing::TooLarge)),
            Some(Ok(Message::Close(_)) | Err(_)) | None => Err(None),
        }
    }

    async fn act(&mut self, out: Vec<Out>) -> Result<(), End> {
        let mut to_do = VecDeque::from(out);
        while let Some(one) = to_do.pop_front() {
            match one {
                Out::Send(frame) => self.send(frame).await?,
                Out::Want(_) => {}
                // In a box: what is read of the log must not make every socket larger.
                Out::Replay { after } => to_do.extend(Box::pin(self.replay(after)).await?),
                Out::Close(closing) => return Err(Some(closing)),
            }
        }
        Ok(())
    }

    async fn replay(&mut self, after: i64) -> Result<Vec<Out>, End> {
        let mut from = Replay::after(after);
        loop {
            let (frames, next) = match self.connection.replay(from).await {
                Ok(Replayed::Page(frames, next)) => (frames, Ok(next)),
                Ok(Replayed::Done(frames, upto)) => (frames, Err(upto)),
                Ok(Replayed::Gone(head)) => return Ok(self.connection.on_history_gone(head)),
                // The client comes again with the position that it has.
                Err(_for_now) => return Err(Some(Closing::Overload)),
            };
            for frame in frames {
                self.send(frame).await?;
            }
            match next {
                Ok(next) => from = next,
                Err(upto) => return Ok(self.connection.on_replayed(upto)),
            }
        }
    }

    /// Sends a frame, unless the socket is to be closed: then not one more.
    async fn send(&mut self, frame: impl Into<bytestring::ByteString>) -> Result<(), End> {
        if let Some(closing) = self.ending.now() {
            return Err(Some(closing));
        }
        tokio::select! {
            biased;
            closing = self.ending.wait() => Err(Some(closing)),
            sent = timeout(SLOW, self.session.text(frame)) => match sent {
                Ok(Ok(())) => Ok(()),
                Ok(Err(_closed)) => Err(None),
                Err(_elapsed) => Err(Some(Closing::Overload)),
            },
        }
    }
}
