use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::thread::{self, ThreadId};

use tokio::sync::{mpsc, oneshot};

use super::*;

/// A runtime with one thread, which runs until it is dropped.
fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime")
}

type Told = mpsc::UnboundedReceiver<ThreadId>;

/// A task that waits for so many answers, and tells on which thread each came to it.
fn waiting(runtime: &Handle, answers: Vec<oneshot::Receiver<()>>) -> (Arc<Task>, Told) {
    let (tell, told) = mpsc::unbounded_channel();
    let body = |_| async move {
        for answer in answers {
            if answer.await.is_ok() {
                let _ = tell.send(thread::current().id());
            }
        }
    };
    (Task::new(runtime, body), told)
}

#[test]
fn whoever_expects_it_goes_on_with_it() {
    let runtime = runtime();
    let (answer, answered) = oneshot::channel();
    let (task, mut told) = waiting(runtime.handle(), vec![answered]);
    task.poll_here();
    let worker = thread::spawn(move || {
        task.will_poll_here();
        answer.send(()).expect("it waits");
        assert!(!task.is_settled(), "no turn was asked for");
        task.poll_here();
    });
    let id = worker.thread().id();
    worker.join().expect("no panic");
    assert_eq!(told.try_recv(), Ok(id));
}

#[test]
fn anybody_else_wakes_it_on_the_runtime() {
    let runtime = runtime();
    let (answers, answered): (Vec<_>, Vec<_>) = (0..3).map(|_| oneshot::channel()).unzip();
    let (task, mut told) = waiting(runtime.handle(), answered);
    task.poll_here();
    let runtimes = runtime.block_on(runtime.spawn(async { thread::current().id() })).expect("no panic");
    for answer in answers {
        answer.send(()).expect("it waits");
        assert_eq!(told.blocking_recv(), Some(runtimes));
    }
    assert_eq!(told.blocking_recv(), None, "it is over, and its body is gone");
}

#[test]
fn what_was_expected_and_comes_from_elsewhere_is_not_lost() {
    let runtime = runtime();
    let (answers, answered): (Vec<_>, Vec<_>) = (0..2).map(|_| oneshot::channel()).unzip();
    let (task, mut told) = waiting(runtime.handle(), answered);
    task.poll_here();
    for answer in answers {
        // Polled here before the answer is there: then that is nothing that was expected any more.
        task.will_poll_here();
        task.poll_here();
        answer.send(()).expect("it waits");
        assert!(told.blocking_recv().is_some());
    }
}

#[test]
fn a_wake_in_the_middle_of_a_poll_leads_to_another_one() {
    let runtime = runtime();
    let polls = Arc::new(AtomicUsize::new(0));
    let (tell, mut told) = mpsc::unbounded_channel();
    let counted = polls.clone();
    let body = |_| {
        std::future::poll_fn(move |context| {
            if counted.fetch_add(1, SeqCst) == 3 {
                let _ = tell.send(());
                return Poll::Ready(());
            }
            context.waker().wake_by_ref();
            Poll::Pending
        })
    };
    Task::new(runtime.handle(), body).poll_here();
    assert_eq!((told.blocking_recv(), told.blocking_recv()), (Some(()), None));
    assert_eq!(polls.load(SeqCst), 4);
}

#[test]
fn a_body_that_panics_is_dropped() {
    let runtime = runtime();
    let (held, mut dropped) = oneshot::channel::<()>();
    let task = Task::new(runtime.handle(), |_| async move {
        let _held = held;
        panic!("on purpose");
    });
    task.poll_here();
    assert_eq!(dropped.try_recv(), Err(oneshot::error::TryRecvError::Closed));
    task.poll_here();
}

#[test]
fn without_its_runtime_its_body_is_dropped_when_it_is_woken() {
    let runtime = runtime();
    let (answer, answered) = oneshot::channel();
    let (task, mut told) = waiting(runtime.handle(), vec![answered]);
    task.poll_here();
    runtime.shutdown_background();
    answer.send(()).expect("it waits");
    assert_eq!(told.blocking_recv(), None, "nobody could go on with it");
    task.poll_here();
}
