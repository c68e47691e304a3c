//! Who waits for an answer of the server, and how answers are got and given.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_nats::{Client, Event, Message, StatusCode, Subscriber};
use futures_util::StreamExt;
use serde::Deserialize;
use tokio::sync::{oneshot, watch};
use tokio::time::{Instant, sleep_until};

use super::link::connects;
use crate::events::SinkError;

type Answer = Result<(), SinkError>;

/// Of so many objections at once async-nats may have left out some: it keeps 128 things that it has to tell.
const TOLD_MAX: u32 = 100;

/// After so long another echo is sent: one may be lost, with a connection or by its server.
const PATIENCE: Duration = Duration::from_millis(500);

/// The last part of the subject of echoes, where those of streams have a number.
const ECHO: &str = "echo";

/// All who wait, and what is known of the connection.
pub(super) struct Answers {
    waiting: Mutex<Waiting>,
    state: watch::Sender<State>,
    is_secure: bool,
}

#[derive(Default)]
struct Waiting {
    /// The number of who comes next.
    next: u64,
    /// How many have been sent.
    sent: u64,
    those: HashMap<u64, Who>,
    /// What the server has objected to since the last echo.
    objections: u32,
}

struct Who {
    subject: String,
    /// The connection of the time when it began: if another answers, nobody knows what the first one has brought.
    connection: u64,
    /// Its place among all that were sent.
    sent: Option<u64>,
    answer: oneshot::Sender<Answer>,
}

#[derive(Default)]
struct State {
    is_up: bool,
    /// Connections that there have been, as far as we were told.
    connections: u64,
    problem: Option<String>,
}

impl Answers {
    pub(super) fn new(is_secure: bool) -> Self {
        Self { waiting: Mutex::default(), state: watch::Sender::default(), is_secure }
    }

    /// An answer to what is about to be published over a connection.
    pub(super) fn expect(self: &Arc<Self>, subject: &str, connection: u64) -> Expected {
        let (answer, received) = oneshot::channel();
        let mut waiting = self.waiting();
        if waiting.those.is_empty() {
            // They were about others.
            waiting.objections = 0;
        }
        let number = waiting.next;
        waiting.next += 1;
        waiting.those.insert(number, Who { subject: subject.to_owned(), connection, sent: None, answer });
        Expected { number, received, answers: self.clone() }
    }

    pub(super) async fn is_up(&self) {
        // It cannot fail: the sender is ours.
        let _ = self.state.subscribe().wait_for(|state| state.is_up).await;
    }

    pub(super) fn problem(&self) -> Option<String> {
        self.state.borrow().problem.clone()
    }

    /// What async-nats tells of the connection, in order.
    pub(super) fn told(&self, event: &Event) {
        match event {
            Event::Connected => self.state.send_modify(|state| {
                *state = State { is_up: true, connections: state.connections + 1, problem: None };
            }),
            Event::Disconnected | Event::Closed => {
                self.state.send_modify(|state| {
                    state.is_up = false;
                    state.problem.get_or_insert_with(|| "the connection was lost".into());
                });
                let ended = self.state.borrow().connections;
                self.answer(|who| (who.connection <= ended).then(lost));
            }
            Event::ServerError(error) => {
                let problem = error.to_string();
                tracing::warn!(target: "isolet", problem, "the NATS server objects");
                let denied = SinkError::permanent(problem.clone());
                self.waiting().objections += 1;
                self.answer(|who| denies(&problem, &who.subject).then(|| Err(denied.clone())));
                self.state.send_modify(|state| state.problem = Some(problem));
            }
            Event::ClientError(error) => {
                // Certificates that are not trusted are told as errors of the connection.
                let about = if self.is_secure { " (or its certificate is not valid)" } else { "" };
                self.state.send_modify(|state| state.problem = Some(format!("{error}{about}")));
            }
            _ => {}
        }
    }

    /// Answers those for whom there is an answer.
    fn answer(&self, answer: impl Fn(&Who) -> Option<Answer>) {
        let mut waiting = self.waiting();
        let answered = waiting.those.extract_if(|_, who| answer(who).is_some());
        let answered: Vec<Who> = answered.map(|(_, who)| who).collect();
        drop(waiting);
        for who in answered {
            if let Some(answer) = answer(&who) {
                // It may have gone.
                let _ = who.answer.send(answer);
            }
        }
    }

    /// The place of the last that was sent and waits.
    fn awaited(&self) -> Option<u64> {
        self.waiting().those.values().filter_map(|who| who.sent).max()
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn lost() -> Answer {
    Err(SinkError::retryable("the connection to the NATS server was lost before it had confirmed the event"))
}

/// Whether a server's error is that a subject is denied: `… Permissions Violation for Publish to "a.b"`.
fn denies(error: &str, subject: &str) -> bool {
    let denied = error.split_once("Permissions Violation for Publish to \"").map(|(_, denied)| denied);
    denied.is_some_and(|denied| denied.split('"').next() == Some(subject))
}

/// An answer that will come, or not. Dropped, it is not waited for any more.
pub(super) struct Expected {
    number: u64,
    received: oneshot::Receiver<Answer>,
    answers: Arc<Answers>,
}

impl Expected {
    /// In which a stream answers.
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// An echo that is sent from now on is the answer.
    pub(super) fn is_sent(&mut self) {
        let mut waiting = self.answers.waiting();
        waiting.sent += 1;
        let sent = waiting.sent;
        if let Some(who) = waiting.those.get_mut(&self.number) {
            who.sent = Some(sent);
        }
    }

    pub(super) async fn received(mut self) -> Answer {
        (&mut self.received).await.unwrap_or_else(|_| lost())
    }
}

impl Drop for Expected {
    fn drop(&mut self) {
        self.answers.waiting().those.remove(&self.number);
    }
}

/// Sends echoes, and hears answers. On one thread with the tasks of async-nats, so that what one is told first it does
/// first.
pub(super) struct Listener {
    pub(super) client: Client,
    pub(super) inbox: String,
    pub(super) received: Subscriber,
    pub(super) answers: Arc<Answers>,
    pub(super) woken: watch::Receiver<()>,
}

impl Listener {
    pub(super) async fn run(mut self) {
        let mut state = self.answers.state.subscribe();
        let mut echo_until: Option<Instant> = None;
        let mut connection = None;
        loop {
            let is_up = {
                let state = state.borrow_and_update();
                // What was on its way over another one may be lost.
                let now = (state.is_up, state.connections);
                if connection.replace(now) != Some(now) {
                    echo_until = None;
                }
                state.is_up
            };
            let awaited = self.answers.awaited().filter(|_| is_up && echo_until.is_none());
            if let Some(sent) = awaited {
                let subject = format!("{}.{ECHO}", self.inbox);
                tokio::select! {
                    published = self.client.publish(subject, sent.to_string().into()) => if published.is_err() { return },
                    () = is_closed(&mut self.woken) => return,
                }
                echo_until = Some(Instant::now() + PATIENCE);
            }
            let until = echo_until.unwrap_or_else(Instant::now);
            tokio::select! {
                woken = self.woken.changed() => if woken.is_err() { return },
                // It cannot fail: the sender is ours.
                _ = state.changed() => {},
                () = sleep_until(until), if echo_until.is_some() => echo_until = None,
                message = self.received.next() => match message {
                    Some(message) => if self.hear(&message).await { echo_until = None },
                    None => return,
                },
            }
        }
    }

    /// Whether it was an echo.
    async fn hear(&self, message: &Message) -> bool {
        let about = message.subject.as_str().strip_prefix(&self.inbox).unwrap_or_default().trim_start_matches('.');
        let connection = connects(&self.client);
        if about == ECHO {
            // What the server denies comes before the echo, but another task is told: on this thread that is its turn.
            tokio::task::yield_now().await;
            let sent = std::str::from_utf8(&message.payload).ok().and_then(|sent| sent.parse::<u64>().ok());
            if std::mem::take(&mut self.answers.waiting().objections) >= TOLD_MAX {
                let untold = SinkError::retryable("the NATS server denies too much at once to tell what");
                self.answers.answer(|who| who.sent.is_some().then(|| Err(untold.clone())));
            }
            self.answers.answer(|who| {
                let is_answered = who.sent.is_some_and(|own| Some(own) <= sent);
                is_answered.then(|| if who.connection == connection { Ok(()) } else { lost() })
            });
            return true;
        }
        if let Ok(number) = about.parse::<u64>() {
            let who = self.answers.waiting().those.remove(&number);
            if let Some(Who { answer, subject, .. }) = who {
                let _ = answer.send(of_stream(message, &subject));
            }
        }
        false
    }
}

async fn is_closed(woken: &mut watch::Receiver<()>) {
    while woken.changed().await.is_ok() {}
}

/// What a stream answers.
#[derive(Deserialize)]
#[serde(untagged)]
enum Stored {
    No {
        error: NotStored,
    },
    Yes {
        #[serde(rename = "stream")]
        _stream: String,
        #[serde(rename = "seq")]
        _sequence: u64,
    },
}

#[derive(Deserialize)]
struct NotStored {
    code: u16,
    #[serde(default)]
    description: String,
}

fn of_stream(message: &Message, subject: &str) -> Answer {
    if message.status == Some(StatusCode::NO_RESPONDERS) {
        // One that has just begun, or changes its leader, takes nothing for a while.
        let error = format!("no stream takes the subject {subject}: make one for it, or do without streams");
        return Err(SinkError::retryable(error));
    }
    match serde_json::from_slice(&message.payload) {
        Ok(Stored::Yes { .. }) => Ok(()),
        Ok(Stored::No { error: NotStored { code, description } }) => {
            let error = format!("the stream of the subject {subject} does not store the event: {description}");
            Err(if code < 500 { SinkError::permanent(error) } else { SinkError::retryable(error) })
        }
        Err(_) => Err(SinkError::permanent(format!("what answers to the subject {subject} is no stream"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn denials_name_their_subject() {
        let error = |subject: &str| format!("nats: Permissions Violation for Publish to \"{subject}\"");
        for (error, subject, expected) in [
            (error("a.b"), "a.b", true),
            (error("a.b.c"), "a.b", false),
            (error("a"), "a.b", false),
            ("nats: Permissions Violation for Subscription to \"a.b\"".into(), "a.b", false),
            ("nats: Unknown Protocol Operation".into(), "", false),
        ] {
            assert_eq!(denies(&error, subject), expected, "{error}");
        }
    }
}
