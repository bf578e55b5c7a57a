//! Who may do what: users, passwords, tokens, roles, lock-out.

use super::call::ApiError;
use super::ids::{Ids, UserUid};
use super::switch::{Switch, Switches};
use super::version::Profile;
use base64::{
    Engine,
    engine::general_purpose::{STANDARD as BASE64, URL_SAFE_NO_PAD as BASE64_URL},
};
use http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// Management roles.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
pub(crate) enum Role {
    Admin,
    ClusterMember,
    ClusterViewer,
    DbMember,
    DbViewer,
    UserManager,
    None,
}

/// Every role with its name and the uid of the built-in role object (none for `user_manager`, which came later).
pub(crate) const ROLES: &[(Role, &str, Option<u64>)] = &[
    (Role::Admin, "admin", Some(1)),
    (Role::ClusterMember, "cluster_member", Some(2)),
    (Role::ClusterViewer, "cluster_viewer", Some(3)),
    (Role::DbMember, "db_member", Some(4)),
    (Role::DbViewer, "db_viewer", Some(5)),
    (Role::None, "none", Some(6)),
    (Role::UserManager, "user_manager", None),
];

impl Role {
    pub(crate) fn name(self) -> &'static str {
        ROLES
            .iter()
            .find(|(role, ..)| *role == self)
            .map_or("none", |(_, name, _)| name)
    }

    pub(crate) fn parse(name: &str) -> Option<Self> {
        ROLES
            .iter()
            .find(|(_, known, _)| *known == name)
            .map(|(role, ..)| *role)
    }

    /// Whether `profile` knows it: `user_manager` came with 7.8.2.
    pub(crate) fn is_of(self, profile: Profile) -> bool {
        self != Self::UserManager || profile >= Profile::V7_8_6
    }

    pub(crate) fn uid(self) -> Option<u64> {
        ROLES
            .iter()
            .find(|(role, ..)| *role == self)
            .and_then(|(_, _, uid)| *uid)
    }
}

/// Who sent a request.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Actor {
    Anonymous,
    User { uid: UserUid, role: Role },
}

/// A password as it was given: in clear, or as the SHA-256 of `username:clustername:password`.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(untagged)]
pub(crate) enum Password {
    Clear(String),
    Hashed { sha256: String },
}

impl Password {
    /// The text of a request; `hashed` with `password_hash_method` 1.
    pub(crate) fn new(text: &str, hashed: bool) -> Self {
        if hashed {
            Self::Hashed {
                sha256: text.to_ascii_lowercase(),
            }
        } else {
            Self::Clear(text.to_owned())
        }
    }

    /// What is compared: the hash that a client would send for this user of this cluster.
    fn digest(&self, email: &str, cluster: &str) -> String {
        match self {
            Self::Clear(text) => {
                let hash = Sha256::digest(format!("{email}:{cluster}:{text}"));
                hash.iter().map(|byte| format!("{byte:02x}")).collect()
            }
            Self::Hashed { sha256 } => sha256.clone(),
        }
    }
}

/// A user of the management plane.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct User {
    pub(crate) uid: UserUid,
    /// Login name; mostly an email address.
    pub(crate) email: String,
    pub(crate) name: String,
    /// All valid at once; the newest last.
    pub(crate) passwords: Vec<Password>,
    pub(crate) password_issued: Timestamp,
    pub(crate) role: Role,
    pub(crate) role_uids: Vec<u64>,
    /// `account_id`, `auth_method`, `certificate_subject_line`, alert subscriptions.
    pub(crate) extra: Map<String, Value>,
    pub(crate) last_login: Option<Timestamp>,
    /// Set while a deletion runs.
    pub(crate) action_uid: Option<String>,
    /// A defect: its record makes no sense any more, and nothing gets rid of it.
    pub(crate) corrupt: bool,
    failures: Vec<Timestamp>,
    locked: Option<Locked>,
}

#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize)]
enum Locked {
    Until(Timestamp),
    ForGood,
}

impl User {
    pub(crate) fn new(
        uid: UserUid,
        email: &str,
        name: &str,
        password: &str,
        role: Role,
        now: Timestamp,
    ) -> Self {
        Self {
            uid,
            email: email.to_owned(),
            name: name.to_owned(),
            passwords: vec![Password::new(password, false)],
            password_issued: now,
            role,
            role_uids: role.uid().into_iter().collect(),
            extra: Map::new(),
            last_login: None,
            action_uid: None,
            corrupt: false,
            failures: Vec::new(),
            locked: None,
        }
    }

    pub(crate) fn is_locked(&self, now: Timestamp) -> bool {
        match self.locked {
            Some(Locked::Until(until)) => now < until,
            Some(Locked::ForGood) => true,
            None => false,
        }
    }

    /// Where among the passwords this one is, if the user has it.
    pub(crate) fn knows(&self, password: &Password, cluster: &str) -> Option<usize> {
        let wanted = password.digest(&self.email, cluster);
        self.passwords
            .iter()
            .position(|known| known.digest(&self.email, cluster) == wanted)
    }

    /// Replaces or adds a password; an administrator who does so for somebody else also unlocks the account.
    pub(crate) fn set_password(&mut self, password: Password, keep_old: bool, now: Timestamp) {
        if !keep_old {
            self.passwords.clear();
        }
        self.passwords.push(password);
        self.password_issued = now;
        self.locked = None;
        self.failures.clear();
    }

    pub(crate) fn is_expired(&self, rules: &LoginRules, now: Timestamp) -> bool {
        let days = i64::try_from(rules.password_days).unwrap_or(i64::MAX / 24);
        let until = self
            .password_issued
            .checked_add(SignedDuration::from_hours(days.saturating_mul(24)));
        rules.password_days > 0 && until.is_ok_and(|until| until <= now)
    }

    fn fail(&mut self, rules: &LoginRules, now: Timestamp) {
        let ago = |at: &Timestamp| now.duration_since(*at).as_secs();
        self.failures
            .retain(|at| ago(at) < i64::try_from(rules.counter_reset_secs).unwrap_or(i64::MAX));
        self.failures.push(now);
        if rules.threshold > 0 && self.failures.len() as u64 >= rules.threshold {
            self.failures.clear();
            let secs = i64::try_from(rules.lock_secs).unwrap_or(i64::MAX);
            self.locked = Some(match now.checked_add(SignedDuration::from_secs(secs)) {
                Ok(until) if rules.lock_secs > 0 => Locked::Until(until),
                _ => Locked::ForGood,
            });
        }
    }
}

/// What policy and settings say about logins.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct LoginRules {
    /// Failed logins that lock an account; 0 for never.
    pub(crate) threshold: u64,
    /// How long; 0 for until an administrator sets a password.
    pub(crate) lock_secs: u64,
    /// After which time a failure no longer counts.
    pub(crate) counter_reset_secs: u64,
    /// Life of a password; 0 for ever.
    pub(crate) password_days: u64,
    /// `control_plane_basic_authentication`
    pub(crate) basic: bool,
}

impl LoginRules {
    /// Reads them from the policy and the settings of a cluster.
    pub(crate) fn of(policy: &Map<String, Value>, settings: &Map<String, Value>) -> Self {
        let number = |map: &Map<String, Value>, key: &str| map.get(key).and_then(Value::as_u64).unwrap_or(0);
        Self {
            threshold: number(policy, "login_lockout_threshold"),
            lock_secs: number(policy, "login_lockout_duration"),
            counter_reset_secs: number(policy, "login_lockout_counter_reset_after"),
            password_days: number(settings, "password_expiration_duration"),
            basic: settings
                .get("control_plane_basic_authentication")
                .and_then(Value::as_bool)
                .unwrap_or(true),
        }
    }
}

/// Users of a cluster, and tokens that were given to them.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(crate) struct Accounts {
    pub(crate) users: BTreeMap<UserUid, User>,
    pub(crate) next_uid: u64,
    /// Name of the cluster, which is part of hashed passwords.
    cluster: String,
    tokens: BTreeMap<String, (UserUid, Timestamp)>,
}

impl Accounts {
    /// The administrator whom bootstrap makes.
    pub(crate) fn new(cluster: &str, email: &str, password: &str, now: Timestamp) -> Self {
        let admin = User::new(UserUid(1), email, "Administrator", password, Role::Admin, now);
        Self {
            users: BTreeMap::from([(UserUid(1), admin)]),
            next_uid: 2,
            cluster: cluster.to_owned(),
            tokens: BTreeMap::new(),
        }
    }

    /// Checks an `Authorization` header; `None` is no header.
    ///
    /// # Errors
    /// 401 without credentials, with wrong ones, for a locked account (a switch: 403) or an expired password.
    pub(crate) fn authenticate(
        &mut self,
        header: Option<&str>,
        rules: &LoginRules,
        switches: &Switches,
        now: Timestamp,
    ) -> Result<Actor, ApiError> {
        let (scheme, rest) = header
            .and_then(|header| header.split_once(' '))
            .ok_or_else(unauthorized)?;
        match scheme.to_ascii_lowercase().as_str() {
            "basic" if rules.basic => {
                let (user, password) = basic(rest).ok_or_else(unauthorized)?;
                self.login(&user, &password, rules, switches, now)
            }
            "jwt" => self.by_token(rest.trim(), now),
            "bearer" if !switches.on(Switch::JwtSchemeOnly) => self.by_token(rest.trim(), now),
            _ => Err(unauthorized()),
        }
    }

    /// Checks a name and a password, and counts failures.
    ///
    /// # Errors
    /// As [`Self::authenticate`].
    pub(crate) fn login(
        &mut self,
        email: &str,
        password: &str,
        rules: &LoginRules,
        switches: &Switches,
        now: Timestamp,
    ) -> Result<Actor, ApiError> {
        let user = self
            .users
            .values_mut()
            .find(|user| user.email == email && !email.is_empty())
            .ok_or_else(unauthorized)?;
        if user.is_locked(now) {
            return Err(locked(switches));
        }
        user.locked = None;
        let given = Password::new(password, false);
        if user.knows(&given, &self.cluster).is_none() {
            user.fail(rules, now);
            return Err(unauthorized());
        }
        user.failures.clear();
        user.last_login = Some(now);
        if user.is_expired(rules, now) {
            return Err(ApiError::new(
                StatusCode::UNAUTHORIZED,
                "password_expired",
                "The password has expired",
            ));
        }
        Ok(Actor::User {
            uid: user.uid,
            role: user.role,
        })
    }

    fn by_token(&self, token: &str, now: Timestamp) -> Result<Actor, ApiError> {
        let (uid, until) = self.tokens.get(token).ok_or_else(unauthorized)?;
        let user = self
            .users
            .get(uid)
            .filter(|_| now < *until)
            .ok_or_else(unauthorized)?;
        Ok(Actor::User {
            uid: user.uid,
            role: user.role,
        })
    }

    /// Gives `user` a token that lives `ttl_secs`.
    pub(crate) fn issue_token(
        &mut self,
        ids: &mut Ids,
        user: UserUid,
        ttl_secs: i64,
        now: Timestamp,
    ) -> String {
        let until = now
            .checked_add(SignedDuration::from_secs(ttl_secs))
            .unwrap_or(Timestamp::MAX);
        self.tokens.retain(|_, (_, until)| *until > now);
        let claims = json!({"iat": now.as_second(), "uid": user.to_string(), "exp": until.as_second()});
        let token = format!(
            "{}.{}.{}",
            BASE64_URL.encode("{\"alg\":\"HS256\",\"typ\":\"JWT\"}"),
            BASE64_URL.encode(claims.to_string()),
            ids.token(43)
        );
        self.tokens.insert(token.clone(), (user, until));
        token
    }

    /// Administrators, whom RS keeps at least one of.
    pub(crate) fn admins(&self) -> usize {
        self.users
            .values()
            .filter(|user| user.role == Role::Admin)
            .count()
    }
}

/// User and password of a Basic header's second word.
pub(crate) fn basic(encoded: &str) -> Option<(String, String)> {
    let text = String::from_utf8(BASE64.decode(encoded.trim()).ok()?).ok()?;
    let (user, password) = text.split_once(':')?;
    Some((user.to_owned(), password.to_owned()))
}

/// 401 without a body, as the front end sends it.
pub(crate) fn unauthorized() -> ApiError {
    ApiError::new(StatusCode::UNAUTHORIZED, "", "")
}

fn locked(switches: &Switches) -> ApiError {
    if switches.on(Switch::LockedAccount403) {
        return ApiError::forbidden(
            "user_locked",
            "The account is locked after too many failed logins",
        );
    }
    unauthorized()
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: LoginRules = LoginRules {
        threshold: 5,
        lock_secs: 1800,
        counter_reset_secs: 900,
        password_days: 0,
        basic: true,
    };

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_second(1_700_000_000 + secs).unwrap()
    }

    fn accounts() -> Accounts {
        Accounts::new("c.example.com", "admin@example.com", "right", at(0))
    }

    fn login(accounts: &mut Accounts, password: &str, secs: i64) -> bool {
        accounts
            .login(
                "admin@example.com",
                password,
                &RULES,
                &Switches::all_default(),
                at(secs),
            )
            .is_ok()
    }

    #[test]
    fn five_failures_lock_an_account_even_for_the_right_password_until_the_lock_ends() {
        let mut accounts = accounts();
        for second in 0..5 {
            assert!(!login(&mut accounts, "wrong", second));
        }
        assert!(!login(&mut accounts, "right", 100));
        assert!(login(&mut accounts, "right", 4 + 1800));
    }

    #[test]
    fn failures_are_forgotten_after_a_while_and_after_a_success() {
        let mut accounts = accounts();
        for second in [0, 1, 2, 3, 904] {
            assert!(!login(&mut accounts, "wrong", second));
        }
        assert!(login(&mut accounts, "right", 905));
        for second in 906..910 {
            assert!(!login(&mut accounts, "wrong", second));
        }
        assert!(login(&mut accounts, "right", 911));
    }

    #[test]
    fn a_threshold_of_zero_never_locks_and_a_duration_of_zero_locks_for_good() {
        let mut accounts = accounts();
        let never = LoginRules {
            threshold: 0,
            ..RULES
        };
        for second in 0..20 {
            let refused = accounts.login(
                "admin@example.com",
                "wrong",
                &never,
                &Switches::all_default(),
                at(second),
            );
            assert!(refused.is_err());
        }
        assert!(login(&mut accounts, "right", 21));
        let for_good = LoginRules {
            lock_secs: 0,
            ..RULES
        };
        for second in 30..35 {
            let refused = accounts.login(
                "admin@example.com",
                "wrong",
                &for_good,
                &Switches::all_default(),
                at(second),
            );
            assert!(refused.is_err());
        }
        assert!(!login(&mut accounts, "right", 10_000_000));
        accounts.users.get_mut(&UserUid(1)).unwrap().set_password(
            Password::new("new", false),
            false,
            at(10_000_001),
        );
        assert!(login(&mut accounts, "new", 10_000_002));
    }

    #[test]
    fn a_token_ends_when_its_time_is_over() {
        let mut accounts = accounts();
        let token = accounts.issue_token(&mut Ids::new(1), UserUid(1), 300, at(0));
        for (header, secs, passes) in [
            ("JWT", 299, true),
            ("bearer", 299, true),
            ("JWT", 300, false),
            ("Digest", 1, false),
        ] {
            let header = format!("{header} {token}");
            let got = accounts.authenticate(Some(&header), &RULES, &Switches::all_default(), at(secs));
            assert_eq!(got.is_ok(), passes, "{header} after {secs} s");
        }
    }

    #[test]
    fn a_token_comes_as_bearer_on_one_side_of_a_doubt_only() {
        let mut accounts = accounts();
        let token = accounts.issue_token(&mut Ids::new(1), UserUid(1), 300, at(0));
        let strict = Switches::all_default().with(Switch::JwtSchemeOnly);
        for (switches, scheme, passes) in [
            (&Switches::all_default(), "JWT", true),
            (&Switches::all_default(), "Bearer", true),
            (&strict, "JWT", true),
            (&strict, "Bearer", false),
        ] {
            let header = format!("{scheme} {token}");
            let got = accounts.authenticate(Some(&header), &RULES, switches, at(1));
            assert_eq!(got.is_ok(), passes, "{scheme} {switches:?}");
        }
    }

    #[test]
    fn basic_is_refused_once_it_is_turned_off() {
        let header = format!("Basic {}", BASE64.encode("admin@example.com:right"));
        let off = LoginRules {
            basic: false,
            ..RULES
        };
        assert!(
            accounts()
                .authenticate(Some(&header), &RULES, &Switches::all_default(), at(1))
                .is_ok()
        );
        assert!(
            accounts()
                .authenticate(Some(&header), &off, &Switches::all_default(), at(1))
                .is_err()
        );
    }

    #[test]
    fn a_hashed_password_opens_for_its_text_and_for_no_other() {
        let mut accounts = accounts();
        let hash = Sha256::digest("admin@example.com:c.example.com:fresh");
        let hash: String = hash.iter().map(|byte| format!("{byte:02X}")).collect();
        let user = accounts.users.get_mut(&UserUid(1)).unwrap();
        user.set_password(Password::new(&hash, true), false, at(0));
        assert!(login(&mut accounts, "fresh", 1));
        assert!(!login(&mut accounts, &hash, 2));
        assert!(!login(&mut accounts, "right", 3));
    }

    #[test]
    fn a_token_can_be_read_as_a_json_web_token() {
        let token = accounts().issue_token(&mut Ids::new(1), UserUid(1), 300, at(0));
        let parts: Vec<&str> = token.split('.').collect();
        assert_eq!(parts.len(), 3);
        let read = |part: &str| serde_json::from_slice::<Value>(&BASE64_URL.decode(part).unwrap()).unwrap();
        assert_eq!(read(parts[0]), json!({"alg": "HS256", "typ": "JWT"}));
        let claims = json!({"iat": 1_700_000_000, "uid": "1", "exp": 1_700_000_300});
        assert_eq!(read(parts[1]), claims);
        assert!(BASE64_URL.decode(parts[2]).is_ok());
    }
}
