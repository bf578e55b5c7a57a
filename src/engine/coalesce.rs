//! One GET for all who ask at the same time.

use crate::engine::Moment;
use crate::rest::error::Error;
use futures::FutureExt;
use futures::future::BoxFuture;
use futures::future::Shared;
use futures::future::WeakShared;
use std::future::Future;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;

/// What a GET brought, shared by everybody who waited for it.
pub type Shareable<T> = Result<Arc<T>, Error>;

/// One resource: its last answer, and the GET that is under way.
///
/// A reader is given only a GET that was sent after it asked. Those who ask while one is under way wait for it to end and
/// share the next. A GET lives as long as somebody waits for it: who stops waiting does not stop it for others.
#[derive(Debug)]
pub struct Coalesced<T> {
    slot: Mutex<Slot<T>>,
}

type Flight<T> = Shared<BoxFuture<'static, Shareable<T>>>;

#[derive(Debug)]
struct Slot<T> {
    answer: Option<(Moment, Shareable<T>)>,
    flight: Option<(Moment, WeakShared<BoxFuture<'static, Shareable<T>>>)>,
}

impl<T> Default for Coalesced<T> {
    fn default() -> Self {
        Self {
            slot: Mutex::new(Slot {
                answer: None,
                flight: None,
            }),
        }
    }
}

impl<T: Send + Sync + 'static> Coalesced<T> {
    /// The answer of a GET that was sent after `asked`: the last one, the one under way, or one that `get` makes now.
    pub async fn read<G>(self: &Arc<Self>, asked: Moment, get: impl Fn() -> G) -> Shareable<T>
    where
        G: Future<Output = Result<T, Error>> + Send + 'static,
    {
        loop {
            let (sent, flight) = match self.look(asked, &get) {
                Look::Answer(answer) => return answer,
                Look::Flight(sent, flight) => (sent, flight),
            };
            let answer = flight.await;
            if sent > asked {
                return answer;
            }
        }
    }

    /// The last answer if it is fresh enough, else the GET under way, else a new one.
    fn look<G>(self: &Arc<Self>, asked: Moment, get: impl Fn() -> G) -> Look<T>
    where
        G: Future<Output = Result<T, Error>> + Send + 'static,
    {
        let mut slot = self.slot.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((sent, answer)) = &slot.answer
            && *sent > asked
        {
            return Look::Answer(answer.clone());
        }
        if let Some((sent, flight)) = &slot.flight
            && let Some(flight) = flight.upgrade()
        {
            return Look::Flight(*sent, flight);
        }
        let sent = Moment::now();
        let flight = self.clone().fly(sent, get()).boxed().shared();
        slot.flight = flight.downgrade().map(|weak| (sent, weak));
        Look::Flight(sent, flight)
    }

    async fn fly(self: Arc<Self>, sent: Moment, get: impl Future<Output = Result<T, Error>>) -> Shareable<T> {
        let answer = get.await.map(Arc::new);
        let mut slot = self.slot.lock().unwrap_or_else(PoisonError::into_inner);
        slot.answer = Some((sent, answer.clone()));
        slot.flight = None;
        answer
    }
}

enum Look<T> {
    Answer(Shareable<T>),
    Flight(Moment, Flight<T>),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Freshness;
    use std::sync::atomic::AtomicUsize;
    use std::sync::atomic::Ordering;
    use std::time::Duration;
    use tokio::time::sleep;

    #[derive(Default)]
    struct Server {
        served: AtomicUsize,
    }

    /// Asks for a number that grows with each GET; a GET takes a second.
    async fn ask(one: &Arc<Coalesced<usize>>, server: &Arc<Server>, asked: Moment) -> usize {
        let get = || {
            let server = server.clone();
            async move {
                let number = server.served.fetch_add(1, Ordering::SeqCst) + 1;
                sleep(Duration::from_secs(1)).await;
                Ok(number)
            }
        };
        *one.read(asked, get).await.unwrap()
    }

    fn fresh() -> (Arc<Coalesced<usize>>, Arc<Server>) {
        (Arc::default(), Arc::default())
    }

    #[tokio::test(start_paused = true)]
    async fn all_who_ask_before_a_get_is_sent_share_it() {
        let (one, server) = fresh();
        let asked = Moment::now();
        let readers = (0..300).map(|_| ask(&one, &server, asked));
        let answers = futures::future::join_all(readers).await;
        assert_eq!(answers, vec![1; 300]);
    }

    #[tokio::test(start_paused = true)]
    async fn who_asks_while_a_get_is_under_way_gets_the_next_one() {
        let (one, server) = fresh();
        let first = ask(&one, &server, Moment::now());
        let late = async {
            sleep(Duration::from_millis(500)).await;
            let readers = (0..300).map(|_| ask(&one, &server, Moment::now()));
            futures::future::join_all(readers).await
        };
        let (first, late) = tokio::join!(first, late);
        assert_eq!((first, late), (1, vec![2; 300]));
    }

    #[tokio::test(start_paused = true)]
    async fn an_old_answer_serves_who_asked_before_it_was_sent_and_nobody_else() {
        let (one, server) = fresh();
        let early = Moment::now();
        assert_eq!(ask(&one, &server, early).await, 1);
        assert_eq!(ask(&one, &server, early).await, 1);
        assert_eq!(ask(&one, &server, Freshness::Now.since()).await, 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_reader_that_goes_away_takes_nothing_from_the_others() {
        let (one, server) = fresh();
        let asked = Moment::now();
        let impatient = tokio::time::timeout(Duration::from_millis(500), ask(&one, &server, asked));
        let (gone, stays) = tokio::join!(impatient, ask(&one, &server, asked));
        assert!(gone.is_err());
        assert_eq!(stays, 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_get_that_nobody_waits_for_any_more_blocks_nobody() {
        let (one, server) = fresh();
        let asked = Moment::now();
        let impatient = tokio::time::timeout(Duration::from_millis(500), ask(&one, &server, asked));
        assert!(impatient.await.is_err());
        assert_eq!(ask(&one, &server, asked).await, 2);
    }
}
