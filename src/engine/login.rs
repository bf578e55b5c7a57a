//! Keeps wrong credentials from locking the account: five failed logins within fifteen minutes do.

use crate::api::RejectedCredentials;
use crate::rest::error::Error;
use crate::rest::error::ErrorKind;
use crate::rest::error::Refusal;
use crate::rest::route::CLUSTER;
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::Instant;

/// How long rejected credentials are not tried again, unless the Secret changes.
pub const REJECTION: Duration = Duration::from_secs(600);

/// Most requests with credentials at once. All of them fail when a password is changed behind our back; with the one after
/// ten minutes that makes four.
const AT_ONCE: usize = 3;

/// Lets requests with credentials through: one at a time until the server accepted them once, none after it rejected them.
#[derive(Debug)]
pub struct Login {
    known: Mutex<Known>,
    unproven: tokio::sync::Mutex<()>,
    slots: Semaphore,
}

#[derive(Debug, Default)]
struct Known {
    /// Version of the Secret whose credentials were accepted last.
    accepted: Option<String>,
    rejected: BTreeMap<String, Rejection>,
}

#[derive(Clone, Debug)]
struct Rejection {
    until: Instant,
    error: Error,
    /// When it happened, for status; set when it is first asked for, so that it does not move.
    time: Option<Timestamp>,
}

impl Default for Login {
    fn default() -> Self {
        Self {
            known: Mutex::default(),
            unproven: tokio::sync::Mutex::default(),
            slots: Semaphore::new(AT_ONCE),
        }
    }
}

impl Login {
    /// Makes a request with the credentials of the Secret at `version`, in its turn.
    ///
    /// # Errors
    /// The error of the request, or that of the one that was rejected before it; then nothing was sent.
    pub async fn through<T>(
        &self,
        version: &str,
        request: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        self.check(version)?;
        let first = match self.accepted(version) {
            true => None,
            false => Some(self.unproven.lock().await),
        };
        let first = first.filter(|_| !self.accepted(version));
        let slot = self.slots.acquire().await;
        self.check(version)?;
        let answer = request.await;
        self.judge(version, &answer);
        drop((first, slot));
        answer
    }

    /// Takes over a rejection that an earlier process recorded.
    pub fn restore(&self, recorded: &RejectedCredentials, now: Timestamp) {
        let Ok(time) = recorded.rejected_time.parse::<Timestamp>() else {
            return;
        };
        let age = Duration::try_from(now.duration_since(time)).unwrap_or_default();
        let Some(left) = REJECTION.checked_sub(age).filter(|left| !left.is_zero()) else {
            return;
        };
        let error = rejected_before(&recorded.secret_version);
        let rejection = Rejection {
            until: Instant::now() + left,
            error,
            time: Some(time),
        };
        self.known()
            .rejected
            .entry(recorded.secret_version.clone())
            .or_insert(rejection);
    }

    /// The rejection of the credentials of the Secret at `version`, while it stands.
    pub fn rejected(&self, version: &str, now: Timestamp) -> Option<RejectedCredentials> {
        let mut known = self.known();
        let rejection = known.rejected.get_mut(version)?;
        let since = REJECTION.saturating_sub(rejection.until.saturating_duration_since(Instant::now()));
        let time = *rejection.time.get_or_insert_with(|| whole_second(now - since));
        Some(RejectedCredentials {
            secret_version: version.to_owned(),
            rejected_time: time.to_string(),
        })
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn accepted(&self, version: &str) -> bool {
        self.known().accepted.as_deref() == Some(version)
    }

    fn check(&self, version: &str) -> Result<(), Error> {
        match self.known().rejected.get(version) {
            Some(rejection) if rejection.until > Instant::now() => Err(rejection.error.clone()),
            Some(_) | None => Ok(()),
        }
    }

    fn judge<T>(&self, version: &str, answer: &Result<T, Error>) {
        match answer.as_ref().map_err(|error| (error, error.status())) {
            Err((error, Some(401))) => {
                let mut known = self.known();
                known.accepted = None;
                // One version at a time is in use; an older one is not tried again.
                known
                    .rejected
                    .retain(|_, rejection| rejection.until > Instant::now());
                let rejection = Rejection {
                    until: Instant::now() + REJECTION,
                    error: error.clone(),
                    time: None,
                };
                known.rejected.insert(version.to_owned(), rejection);
            }
            Ok(_) | Err((_, Some(400 | 403 | 404 | 406 | 409))) => {
                let mut known = self.known();
                known.rejected.remove(version);
                known.accepted = Some(version.to_owned());
            }
            // Whoever answered, or did not, says nothing about the credentials.
            Err(_) => {}
        }
    }
}

/// The error of a rejection that is known from the record of an earlier process only.
fn rejected_before(version: &str) -> Error {
    let hint =
        format!("the credentials of Secret version {version} were rejected before; not tried again yet");
    let refusal = Refusal {
        status: 401,
        code: None,
        hint: Some(hint),
    };
    Error {
        route: &CLUSTER,
        path: CLUSTER.fill(&[]),
        node: "the cluster".into(),
        kind: ErrorKind::Refused(refusal),
    }
}

fn whole_second(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).unwrap_or(time)
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::future::join_all;
    use std::sync::atomic::AtomicUsize;
    use std::sync::atomic::Ordering;
    use tokio::time::advance;
    use tokio::time::sleep;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    #[derive(Default)]
    struct Server {
        failed_logins: AtomicUsize,
        at_once: AtomicUsize,
        at_once_max: AtomicUsize,
    }

    impl Server {
        /// A request that takes a second, with a right or a wrong password.
        async fn request(&self, right: bool) -> Result<(), Error> {
            self.at_once_max
                .fetch_max(self.at_once.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            sleep(Duration::from_secs(1)).await;
            self.at_once.fetch_sub(1, Ordering::SeqCst);
            if right {
                return Ok(());
            }
            self.failed_logins.fetch_add(1, Ordering::SeqCst);
            Err(rejected_before("v"))
        }

        fn failed_logins(&self) -> usize {
            self.failed_logins.load(Ordering::SeqCst)
        }
    }

    #[tokio::test(start_paused = true)]
    async fn three_hundred_requests_with_a_wrong_password_make_one_failed_login() {
        let (login, server) = (Login::default(), Server::default());
        let answers = join_all((0..300).map(|_| login.through("v", server.request(false)))).await;
        assert!(
            answers
                .iter()
                .all(|answer| answer.as_ref().is_err_and(|error| error.status() == Some(401)))
        );
        assert_eq!(server.failed_logins(), 1);
        assert!(login.rejected("v", NOW).is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn a_password_changed_behind_our_back_fails_no_more_than_three_times() {
        let (login, server) = (Login::default(), Server::default());
        login.through("v", server.request(true)).await.unwrap();
        join_all((0..300).map(|_| login.through("v", server.request(false)))).await;
        assert_eq!(server.failed_logins(), AT_ONCE);
        assert_eq!(server.at_once_max.load(Ordering::SeqCst), AT_ONCE);
    }

    #[tokio::test(start_paused = true)]
    async fn a_rejected_password_is_tried_again_after_ten_minutes_and_a_new_one_at_once() {
        let (login, server) = (Login::default(), Server::default());
        for (pause, version, failures) in [(0, "v", 1), (599, "v", 1), (1, "v", 2), (0, "w", 3), (0, "w", 3)]
        {
            advance(Duration::from_secs(pause)).await;
            login.through(version, server.request(false)).await.unwrap_err();
            assert_eq!(
                server.failed_logins(),
                failures,
                "{version} after {pause} more seconds"
            );
        }
        login.through("x", server.request(true)).await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_restart_inherits_what_is_left_of_a_rejection() {
        let (before, after, server) = (Login::default(), Login::default(), Server::default());
        before.through("v", server.request(false)).await.unwrap_err();
        let recorded = before.rejected("v", NOW).unwrap();
        after.restore(&recorded, NOW + Duration::from_secs(400));
        assert_eq!(
            after.rejected("v", NOW + Duration::from_secs(400)),
            Some(recorded)
        );
        advance(Duration::from_secs(190)).await;
        after.through("v", server.request(false)).await.unwrap_err();
        assert_eq!(server.failed_logins(), 1);
        advance(Duration::from_secs(11)).await;
        after.through("v", server.request(false)).await.unwrap_err();
        assert_eq!(server.failed_logins(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn silence_says_nothing_about_the_password() {
        let login = Login::default();
        let lost = || async {
            let kind = ErrorKind::Timeout;
            Err::<(), _>(Error {
                route: &CLUSTER,
                path: String::new(),
                node: String::new(),
                kind,
            })
        };
        login.through("v", lost()).await.unwrap_err();
        assert_eq!(login.rejected("v", NOW), None);
        assert!(!login.accepted("v"));
    }
}
