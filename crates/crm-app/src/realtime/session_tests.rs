//! The protocol by tables, and as an equation: whatever happens in whatever order, positions only rise until the client resumes.

use std::sync::Arc;

use chrono::TimeDelta;
use crm_domain::values::Timestamp;
use proptest::prelude::*;

use super::session::{Closing, Input, Out, PATIENCE, Pushed, Session, WAITING};

const AT: Timestamp = Timestamp::from_micros(1_767_225_600_000_000);
const SUBSCRIBE: &str = r#"{"type":"subscribe","topics":["organisations","nonsense","tasks"]}"#;

fn event(position: i64) -> Arc<Pushed> {
    Arc::new(Pushed { position, frame: format!("e{position}").into(), is_notification: false })
}

fn notification(position: i64) -> Arc<Pushed> {
    Arc::new(Pushed { position, frame: format!("n{position}").into(), is_notification: true })
}

/// What is asked for, in short: frames of events as they are, the rest by their type.
fn shown(out: &[Out]) -> String {
    let one = |out: &Out| match out {
        Out::Send(frame) => serde_json::from_str::<serde_json::Value>(frame).map_or_else(
            |_| frame.to_string(),
            |message| {
                let position = message["position"].as_i64().map_or(String::new(), |position| position.to_string());
                format!("{}{position}", message["type"].as_str().unwrap_or_default())
            },
        ),
        Out::Want(_) => "want".to_owned(),
        Out::Replay { after } => format!("replay{after}"),
        Out::Close(closing) => format!("close{}", closing.code()),
    };
    out.iter().map(one).collect::<Vec<_>>().join(" ")
}

struct Play {
    session: Session,
    now: Timestamp,
}

impl Play {
    fn new() -> Self {
        Self { session: Session::begin(10, 30, AT).0, now: AT }
    }

    fn on(&mut self, input: Input<'_>) -> String {
        // Whoever plays may hear of everything but tasks.
        shown(&self.session.on(input, self.now, |topic| topic.to_string() != "tasks"))
    }

    fn wait(&mut self, span: TimeDelta) -> String {
        self.now = self.now.plus(span);
        self.on(Input::Tick)
    }

    fn live() -> Self {
        let mut play = Self::new();
        play.on(Input::Text(SUBSCRIBE));
        assert_eq!(play.wait(PATIENCE), "");
        play
    }
}

#[test]
fn a_session_says_hello_first() {
    let (session, hello) = Session::begin(41, 30, AT);
    assert_eq!(&hello as &str, r#"{"type":"hello","position":41,"heartbeat_seconds":30}"#);
    assert_eq!(session.position(), 41);
}

#[test]
fn topics_that_are_none_or_not_allowed_are_left_out() {
    let out = Play::new().session.on(Input::Text(SUBSCRIBE), AT, |topic| topic.to_string() != "tasks");
    let Out::Send(frame) = &out[1] else { panic!("{out:?}") };
    assert_eq!(frame as &str, r#"{"type":"subscribed","topics":["organisations"]}"#);
}

#[test]
fn nothing_is_pushed_before_anything_is_wanted() {
    let mut play = Play::new();
    assert_eq!(play.on(Input::Event(event(11))), "");
    assert_eq!(play.wait(PATIENCE), "");
}

#[test]
fn events_wait_a_moment_for_the_client_to_resume() {
    let mut play = Play::new();
    assert_eq!(play.on(Input::Text(SUBSCRIBE)), "want subscribed");
    assert_eq!(play.on(Input::Event(event(11))), "");
    assert_eq!(play.on(Input::Text(r#"{"type":"resume","after":5}"#)), "replay5");
    assert_eq!(play.on(Input::Event(event(12))), "");
    assert_eq!(play.on(Input::Event(event(13))), "");
    // What was read up to 12 is not told twice, and 13 comes behind it.
    assert_eq!(play.on(Input::Replayed { upto: 12 }), "live12 e13");
    assert_eq!(play.on(Input::Event(event(14))), "e14");
}

#[test]
fn without_a_resume_they_are_sent_after_that_moment() {
    let mut play = Play::new();
    play.on(Input::Text(SUBSCRIBE));
    play.on(Input::Event(event(11)));
    assert_eq!(play.wait(TimeDelta::milliseconds(100)), "");
    assert_eq!(play.wait(PATIENCE), "e11");
    assert_eq!(play.on(Input::Event(event(12))), "e12");
}

#[test]
fn who_resumes_before_anything_is_wanted_is_told_when_something_is() {
    let mut play = Play::new();
    assert_eq!(play.on(Input::Text(r#"{"type":"resume","after":7}"#)), "");
    assert_eq!(play.on(Input::Text(SUBSCRIBE)), "want subscribed replay7");
    assert_eq!(play.on(Input::Replayed { upto: 10 }), "live10");
}

#[test]
fn a_full_queue_is_told_and_what_comes_waits_for_the_client() {
    let mut play = Play::live();
    assert_eq!(play.on(Input::Event(event(11))), "e11");
    assert_eq!(play.on(Input::Overflowed { position: 60 }), "resync60");
    assert_eq!(play.on(Input::Event(event(61))), "");
    assert_eq!(play.on(Input::Text(r#"{"type":"resume","after":11}"#)), "replay11");
    assert_eq!(play.on(Input::Replayed { upto: 61 }), "live61");
}

#[test]
fn what_was_left_out_while_missed_events_were_read_is_read_as_well() {
    let mut play = Play::live();
    assert_eq!(play.on(Input::Text(r#"{"type":"resume","after":3}"#)), "replay3");
    assert_eq!(play.on(Input::Overflowed { position: 70 }), "");
    assert_eq!(play.on(Input::Replayed { upto: 50 }), "replay50");
    assert_eq!(play.on(Input::Replayed { upto: 70 }), "live70");
}

#[test]
fn what_waits_is_bounded() {
    let mut play = Play::new();
    play.on(Input::Text(SUBSCRIBE));
    for position in (11..).take(WAITING + 1) {
        assert_eq!(play.on(Input::Event(event(position))), "");
    }
    assert_eq!(play.wait(PATIENCE), "replay10");
    assert_eq!(play.on(Input::Replayed { upto: 80 }), "");
    assert_eq!(play.on(Input::Event(event(80))), "", "it has been told");
    assert_eq!(play.on(Input::Event(event(81))), "e81");
}

#[test]
fn a_history_that_is_not_there_is_told() {
    let mut play = Play::live();
    play.on(Input::Text(r#"{"type":"resume","after":99}"#));
    assert_eq!(play.on(Input::HistoryGone { head: 12 }), "reset");
    assert_eq!(play.on(Input::Event(event(13))), "e13");
}

#[test]
fn several_notifications_may_stand_at_one_position() {
    let mut play = Play::live();
    assert_eq!(play.on(Input::Event(event(11))), "e11");
    assert_eq!(play.on(Input::Event(notification(11))), "n11");
    assert_eq!(play.on(Input::Event(notification(11))), "n11");
    assert_eq!(play.on(Input::Event(event(11))), "");
}

#[test]
fn what_is_no_message_closes_the_socket() {
    for bad in ["", "{}", r#"{"type":"resume","after":-1}"#, r#"{"type":"subscribe","topics":[1]}"#] {
        assert_eq!(Play::new().on(Input::Text(bad)), "close1008", "{bad}");
    }
    assert_eq!(Closing::GoingAway.reason(57), "going away; position=57");
}

/// What may happen, in any order.
#[derive(Clone, Debug)]
enum Step {
    Subscribe,
    /// The hub pushes the next change.
    Change,
    /// The queue was full for some changes.
    Lost(u8),
    Resume,
    Wait,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        1 => Just(Step::Subscribe),
        8 => Just(Step::Change),
        1 => (1..90_u8).prop_map(Step::Lost),
        2 => Just(Step::Resume),
        2 => Just(Step::Wait),
    ]
}

proptest! {
    /// A client that resumes from the last position that it has after each `resync` gets every change once, in order.
    #[test]
    fn whoever_resumes_from_what_they_have_misses_nothing(steps in prop::collection::vec(step(), 1..200)) {
        let mut play = Play::new();
        let (mut head, mut got) = (10_i64, vec![10_i64]);
        // The hub pushes nothing to whoever wants nothing yet.
        for step in [Step::Subscribe].into_iter().chain(steps).chain([Step::Resume]) {
            let mut out = match step {
                Step::Subscribe => play.session.on(Input::Text(SUBSCRIBE), play.now, |_| true),
                Step::Change => {
                    head += 1;
                    play.session.on(Input::Event(event(head)), play.now, |_| true)
                }
                Step::Lost(number) => {
                    head += i64::from(number);
                    play.session.on(Input::Overflowed { position: head }, play.now, |_| true)
                }
                Step::Resume => {
                    let text = format!(r#"{{"type":"resume","after":{}}}"#, got[got.len() - 1]);
                    play.session.on(Input::Text(&text), play.now, |_| true)
                }
                Step::Wait => {
                    play.now = play.now.plus(PATIENCE);
                    play.session.on(Input::Tick, play.now, |_| true)
                }
            };
            while !out.is_empty() {
                let mut next = Vec::new();
                for one in out {
                    match one {
                        Out::Send(frame) if frame.starts_with('e') => got.push(frame[1..].parse().unwrap()),
                        Out::Send(frame) if frame.contains("resync") => {
                            let text = format!(r#"{{"type":"resume","after":{}}}"#, got[got.len() - 1]);
                            next.extend(play.session.on(Input::Text(&text), play.now, |_| true));
                        }
                        Out::Replay { after } => {
                            got.extend(after + 1..=head);
                            next.extend(play.session.on(Input::Replayed { upto: head }, play.now, |_| true));
                        }
                        Out::Send(_) | Out::Want(_) => {}
                        Out::Close(closing) => prop_assert!(false, "closed: {closing:?}"),
                    }
                }
                out = next;
            }
        }
        let expected: Vec<i64> = (10..=head).collect();
        prop_assert_eq!(got, expected);
    }
}
