//! Certificates that the proxy shows for one database in place of the cluster's: `/v1/bdbs/{uid}/certificates`.

use super::access::scope;
use super::bdbs::{Database, existing};
use super::iso;
use crate::sim::bugs::Bug;
use crate::sim::call::{Answer, ApiError, Call, Ctx, Reply};
use crate::sim::certs::{self, CertError, Rules, read_bundle};
use crate::sim::permission::Permission::{UpdateBdb, ViewAllBdbsInfo, ViewBdbInfo};
use crate::sim::route::Route;
use crate::sim::schema::bdb_parts::SET_CERTIFICATE;
use crate::sim::schema::{self, shape};
use crate::sim::switch::Switch;
use crate::sim::version::Profile::V8_0_20;
use http::StatusCode;
use jiff::Timestamp;
use serde_json::{Value, json};

/// Routes of this family.
#[rustfmt::skip]
pub(crate) const ROUTES: &[Route] = &[
    Route::new("GET", "/v1/bdbs/certificates", ViewAllBdbsInfo, shape::BDB_CERTIFICATES, list).since(V8_0_20),
    Route::new("GET", "/v1/bdbs/{uid}/certificates", ViewBdbInfo, shape::BDB_CERTIFICATE, get).since(V8_0_20),
    Route::new("POST", "/v1/bdbs/{uid}/certificates", UpdateBdb, shape::BDB_CERTIFICATE, set).since(V8_0_20),
    Route::new("DELETE", "/v1/bdbs/{uid}/certificates", UpdateBdb, shape::NOTHING, delete).since(V8_0_20),
];

/// Values of `tls_mode` that a list can be asked for.
const TLS_MODES: [&str; 3] = ["disabled", "replica_ssl", "enabled"];
const PAGE_SIZE: usize = 100;

/// Pages of the databases' certificates, filtered by end and by the databases' TLS mode.
fn list(ctx: &mut Ctx<'_>) -> Answer {
    let wanted = Wanted::of(ctx.call)?;
    let scope = scope(ctx);
    let databases = ctx.cluster.databases.iter();
    let databases = databases.filter(|database| scope.has(database.uid) && wanted.has_mode(database));
    let all = databases.filter_map(|database| shown(ctx, database));
    let page = all
        .filter(|certificate| wanted.has_end(certificate))
        .skip((wanted.page - 1).saturating_mul(wanted.page_size))
        .take(wanted.page_size);
    Ok(Reply::json(page.collect::<Vec<_>>()))
}

/// What the query of a list asks for.
struct Wanted<'a> {
    /// From 1.
    page: usize,
    page_size: usize,
    expires_before: Option<Timestamp>,
    tls_mode: Option<&'a str>,
}

impl<'a> Wanted<'a> {
    fn of(call: &'a Call) -> Result<Self, ApiError> {
        let text = |key: &str| call.query.get(key).map(String::as_str);
        let wrong = |key: &str, what: &str| ApiError::bad_request(format!("{key}: {what} is wanted"));
        let number = |key: &str, default: usize| match text(key) {
            None => Ok(default),
            Some(text) => text
                .parse()
                .ok()
                .filter(|number| *number > 0)
                .ok_or_else(|| wrong(key, "a number from 1")),
        };
        let time = |text: &str| text.parse().map_err(|_| wrong("expires_before", "a time"));
        let tls_mode = text("tls_mode");
        if tls_mode.is_some_and(|mode| !TLS_MODES.contains(&mode)) {
            return Err(wrong("tls_mode", &format!("one of {}", TLS_MODES.join(", "))));
        }
        Ok(Self {
            page: number("page", 1)?,
            page_size: number("page_size", PAGE_SIZE)?,
            expires_before: text("expires_before").map(time).transpose()?,
            tls_mode,
        })
    }

    fn has_mode(&self, database: &Database) -> bool {
        let own = match database.text("tls_mode") {
            "" => "disabled",
            mode => mode,
        };
        self.tls_mode.is_none_or(|mode| mode == own)
    }

    fn has_end(&self, certificate: &Value) -> bool {
        let end = certificate.get("not_after").and_then(Value::as_str);
        let end = end.and_then(|text| text.parse::<Timestamp>().ok());
        self.expires_before
            .is_none_or(|before| end.is_some_and(|end| end < before))
    }
}

fn path_of(database: &Database) -> String {
    format!("/v1/bdbs/{}/certificates", database.uid)
}

fn shown(ctx: &Ctx<'_>, database: &Database) -> Option<Value> {
    let kept = ctx.cluster.documents.single(&path_of(database))?;
    let pem = kept.get("cert").and_then(Value::as_str).unwrap_or_default();
    let bundle = read_bundle(pem).ok()?;
    let leaf = bundle.first()?;
    let time = |secs: i64| Timestamp::from_second(secs).ok().map(iso);
    Some(json!({
        "bdb_uid": database.uid.to_string(), "cert": pem, "not_before": time(leaf.not_before),
        "not_after": time(leaf.not_after),
    }))
}

fn database<'a>(ctx: &'a Ctx<'_>) -> Result<&'a Database, ApiError> {
    let uid = existing(ctx)?;
    let database = ctx.cluster.databases.get(uid);
    database.ok_or_else(|| ApiError::not_found(format!("database {uid} does not exist")))
}

fn get(ctx: &mut Ctx<'_>) -> Answer {
    let database = database(ctx)?;
    let certificate = shown(ctx, database).map(Reply::json);
    certificate.ok_or_else(|| none(database))
}

fn none(database: &Database) -> ApiError {
    ApiError::not_found(format!("database {} has no certificate of its own", database.uid))
}

fn set(ctx: &mut Ctx<'_>) -> Answer {
    let path = path_of(database(ctx)?);
    let body = ctx.call.object()?;
    schema::closed(&SET_CERTIFICATE, ctx.env.profile, &body)?;
    let text = |key: &str| body.get(key).and_then(Value::as_str).unwrap_or_default();
    check(ctx, text("cert"), text("private_key"))?;
    ctx.set_single(&path, body, |ctx| {
        Ok(Reply::json(shown(ctx, database(ctx)?).unwrap_or_default()))
    })
}

/// The same is wanted of it as of the cluster's certificate `proxy`.
fn check(ctx: &Ctx<'_>, certificate: &str, key: &str) -> Result<(), ApiError> {
    let row = certs::named("proxy", ctx.env.profile)
        .ok_or_else(|| ApiError::bad_request("certificates are not known"))?;
    let ciphers = ctx.cluster.settings.get("data_cipher_list");
    let rules = Rules {
        now: ctx.env.now,
        profile: ctx.env.profile,
        internode_clients: true,
        names_wanted: ctx.env.has(Bug::NamelessChainRefused),
        strict_usage: !ctx.env.on(Switch::LenientCertificateUsage),
        ciphers: ciphers.and_then(Value::as_str),
    };
    certs::check(row, certificate, key, rules).map_err(|error| match error {
        CertError::Invalid(why) => ApiError::new(StatusCode::BAD_REQUEST, "invalid_certificate", why),
        CertError::Expired(why) => ApiError::not_acceptable("certificate_expired", why),
    })
}

fn delete(ctx: &mut Ctx<'_>) -> Answer {
    let database = database(ctx)?;
    let (path, missing) = (path_of(database), none(database));
    if !ctx.cluster.documents.clear_single(&path) {
        return Err(missing);
    }
    ctx.commit();
    Ok(Reply::empty())
}

#[cfg(test)]
mod tests {
    use crate::sim::certs::mint::{self, KeyKind};
    use crate::sim::config::CertificateOrder;
    use crate::sim::testbed::{Bed, NAME, start};
    use crate::sim::version::Profile;
    use jiff::SignedDuration;
    use serde_json::{Value, json};

    const ONE: &str = "/v1/bdbs/1/certificates";

    /// The body that sets a certificate which ends after so many days.
    fn ends_after(days: i64) -> Value {
        let made = start() - SignedDuration::from_hours(24 * (365 - days));
        let order = CertificateOrder {
            at: made,
            cluster_name: NAME.into(),
            certificate: "proxy".into(),
            generation: 0,
        };
        let identity = mint::source(made, KeyKind::Ecdsa).unwrap().issue(&order);
        json!({"cert": identity.chain_pem, "private_key": identity.key_pem})
    }

    fn database(bed: &mut Bed, fields: &Value) -> u64 {
        let mut body = json!({"name": "db", "memory_size": 1 << 28, "redis_version": "7.2"});
        body.as_object_mut()
            .unwrap()
            .extend(fields.as_object().unwrap().clone());
        bed.database(body)
    }

    #[test]
    fn a_certificate_is_set_read_back_replaced_and_deleted() {
        let mut bed = Bed::new();
        database(&mut bed, &json!({}));
        let (first, second) = (ends_after(300), ends_after(365));
        assert_eq!(bed.refused("GET", ONE, Value::Null).0, 404);
        let tried = bed.ok("POST", &format!("{ONE}?dry_run"), first.clone());
        assert_eq!(tried["cert"], first["cert"]);
        assert_eq!(
            bed.refused("GET", ONE, Value::Null).0,
            404,
            "a trial sets nothing"
        );
        let set = bed.ok("POST", ONE, first.clone());
        assert_eq!(
            set,
            json!({
                "bdb_uid": "1", "cert": first["cert"], "not_before": "2026-03-27T23:59:00Z",
                "not_after": "2027-03-28T00:00:00Z",
            })
        );
        assert_eq!(bed.ok("GET", ONE, Value::Null), set, "the key is never shown");
        bed.ok("POST", &format!("{ONE}?dry_run"), second.clone());
        assert_eq!(bed.ok("GET", ONE, Value::Null), set);
        bed.ok("POST", ONE, second.clone());
        assert_eq!(bed.ok("GET", ONE, Value::Null)["cert"], second["cert"]);
        bed.ok("DELETE", ONE, Value::Null);
        for method in ["GET", "DELETE"] {
            assert_eq!(bed.refused(method, ONE, Value::Null).0, 404, "{method}");
        }
        assert_eq!(bed.ok("GET", "/v1/bdbs/certificates", Value::Null), json!([]));
    }

    #[test]
    fn a_certificate_goes_with_its_database() {
        let mut bed = Bed::new();
        database(&mut bed, &json!({}));
        bed.ok("POST", ONE, ends_after(300));
        bed.ok("DELETE", "/v1/bdbs/1", Value::Null);
        bed.pass(60);
        database(&mut bed, &json!({"uid": 1}));
        assert_eq!(bed.refused("GET", ONE, Value::Null).0, 404);
    }

    #[test]
    fn the_list_has_pages_and_is_filtered_by_end_and_by_tls_mode() {
        let mut bed = Bed::new();
        let encrypted = |mode: &str| json!({"tls_mode": mode, "enforce_client_authentication": "disabled"});
        for (fields, days) in [
            (json!({}), Some(100)),
            (encrypted("enabled"), Some(200)),
            (encrypted("replica_ssl"), Some(300)),
            (encrypted("enabled"), Some(365)),
            (json!({}), None),
        ] {
            let uid = database(&mut bed, &fields);
            if let Some(days) = days {
                bed.ok("POST", &format!("/v1/bdbs/{uid}/certificates"), ends_after(days));
            }
        }
        let day = |days: i64| (start() + SignedDuration::from_hours(24 * days)).to_string();
        for (query, uids) in [
            (String::new(), vec!["1", "2", "3", "4"]),
            ("page_size=3".to_owned(), vec!["1", "2", "3"]),
            ("page=2&page_size=3".to_owned(), vec!["4"]),
            ("page=3&page_size=3".to_owned(), vec![]),
            ("tls_mode=enabled".to_owned(), vec!["2", "4"]),
            ("tls_mode=replica_ssl".to_owned(), vec!["3"]),
            ("tls_mode=disabled".to_owned(), vec!["1"]),
            (format!("expires_before={}", day(250)), vec!["1", "2"]),
            (format!("expires_before={}&tls_mode=enabled", day(250)), vec!["2"]),
            ("tls_mode=enabled&page=2&page_size=1".to_owned(), vec!["4"]),
        ] {
            let listed = bed.ok("GET", &format!("/v1/bdbs/certificates?{query}"), Value::Null);
            let listed = listed.as_array().unwrap();
            let of: Vec<&str> = listed
                .iter()
                .map(|one| one["bdb_uid"].as_str().unwrap())
                .collect();
            assert_eq!(of, uids, "{query}");
        }
        for query in [
            "page=0",
            "page=x",
            "page_size=0",
            "expires_before=soon",
            "tls_mode=on",
        ] {
            let path = format!("/v1/bdbs/certificates?{query}");
            assert_eq!(bed.refused("GET", &path, Value::Null).0, 400, "{query}");
        }
    }

    #[test]
    fn databases_have_certificates_of_their_own_since_8_0() {
        for profile in Profile::ALL {
            let mut bed = Bed::of(profile);
            database(&mut bed, &json!({}));
            let status = bed.call("POST", ONE, ends_after(300)).0;
            assert_eq!(status == 200, profile >= Profile::V8_0_20, "{profile}: {status}");
        }
    }
}
