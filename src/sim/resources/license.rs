//! `/v1/license`.

use super::bdbs::ShardCounts;
use super::iso;
use crate::sim::auth::Permission::{InstallLicense, View};
use crate::sim::call::{Answer, ApiError, Ctx, Reply};
use crate::sim::license_text::{self, License};
use crate::sim::route::Route;
use crate::sim::switch::Switch;
use http::StatusCode;
use jiff::Timestamp;
use serde_json::{Value, json};

/// Routes of this family.
pub(crate) const ROUTES: &[Route] = &[
    Route::new("GET", "/v1/license", View, get),
    Route::new("PUT", "/v1/license", InstallLicense, put),
];

/// Why a cluster cannot take a licence: a code and a sentence.
pub(crate) fn violation(
    license: &License,
    cluster_name: &str,
    shards: ShardCounts,
    now: Timestamp,
) -> Option<(&'static str, String)> {
    let over = |limit: Option<u64>, used: u64| limit.is_some_and(|limit| used > limit);
    if license
        .cluster_name
        .as_deref()
        .is_some_and(|name| name != cluster_name)
    {
        return Some((
            "license_cluster_name_mismatch",
            format!("The licence is not for cluster {cluster_name}"),
        ));
    }
    if license.expiration <= now {
        return Some((
            "license_expired",
            format!("The licence expired on {}", iso(license.expiration)),
        ));
    }
    if license.activation > now {
        return Some((
            "license_not_active",
            format!("The licence is valid from {} on", iso(license.activation)),
        ));
    }
    let all = over(Some(license.shards_limit), shards.ram + shards.flash);
    if all || over(license.ram_shards_limit, shards.ram) || over(license.flash_shards_limit, shards.flash) {
        return Some((
            "license_shards_limit",
            "More shards are in use than the licence allows".to_owned(),
        ));
    }
    None
}

fn get(ctx: &mut Ctx<'_>) -> Answer {
    let license = &ctx.cluster.license;
    if license.text.is_empty() {
        return Err(ApiError::not_found("No licence is installed"));
    }
    let used = ctx.cluster.databases.shard_counts();
    Ok(Reply::json(json!({
        "license": license.text,
        "cluster_name": license.cluster_name,
        "owner": license.owner,
        "key": license.key,
        "activation_date": iso(license.activation),
        "expiration_date": iso(license.expiration),
        "expired": license.expiration <= ctx.env.now,
        "features": license.features,
        "shards_limit": license.shards_limit,
        "ram_shards_limit": license.ram_shards_limit,
        "ram_shards_in_use": used.ram,
        "flash_shards_limit": license.flash_shards_limit,
        "flash_shards_in_use": used.flash,
    })))
}

fn put(ctx: &mut Ctx<'_>) -> Answer {
    let corrupt = |text: &str| ApiError::new(StatusCode::BAD_REQUEST, "invalid_license", text);
    let body = ctx.call.object()?;
    let text = body
        .get("license")
        .and_then(Value::as_str)
        .ok_or_else(|| corrupt("license is missing"))?;
    if let Some(other) = body.keys().find(|key| *key != "license") {
        return Err(ApiError::bad_request(format!("Unknown field {other}")));
    }
    let license = license_text::parse(text).map_err(|error| corrupt(&error.0))?;
    let shards = ctx.cluster.databases.shard_counts();
    if let Some((code, text)) = violation(&license, &ctx.cluster.name, shards, ctx.env.now) {
        if ctx.env.on(Switch::RefusedLicenseDropsOld) {
            ctx.cluster.license.text.clear();
            ctx.cluster.license.expiration = ctx.env.now;
            ctx.commit();
        }
        return Err(ApiError::not_acceptable(code, text));
    }
    if license != ctx.cluster.license {
        ctx.cluster.license = license;
        ctx.commit();
    }
    Ok(Reply::empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::fixture::Fixture;
    use crate::sim::switch::Switches;

    fn license() -> License {
        let now = Timestamp::from_second(1_000_000).unwrap();
        License {
            cluster_name: Some("c".to_owned()),
            ram_shards_limit: Some(2),
            ..License::trial(now)
        }
    }

    #[test]
    fn every_violation_has_its_code() {
        let at = |secs: i64| Timestamp::from_second(secs).unwrap();
        let ram = |ram: u64| ShardCounts { ram, flash: 0 };
        for (name, shards, now, want) in [
            ("c", ram(2), 1_000_000, None),
            ("d", ram(2), 1_000_000, Some("license_cluster_name_mismatch")),
            ("c", ram(2), 999_999, Some("license_not_active")),
            ("c", ram(2), 1_000_000 + 30 * 86_400, Some("license_expired")),
            ("c", ram(3), 1_000_000, Some("license_shards_limit")),
            (
                "c",
                ShardCounts { ram: 0, flash: 5 },
                1_000_000,
                Some("license_shards_limit"),
            ),
        ] {
            assert_eq!(
                violation(&license(), name, shards, at(now)).map(|(code, _)| code),
                want
            );
        }
    }

    #[test]
    fn a_new_cluster_has_a_trial_of_four_shards_and_thirty_days() {
        let mut sim = Fixture::cluster(1, 1);
        let trial = sim.admin(0, "GET", "/v1/license", Value::Null).json;
        for (field, value) in [
            ("shards_limit", json!(4)),
            ("ram_shards_limit", Value::Null),
            ("owner", Value::Null),
            ("key", json!("")),
            ("expired", json!(false)),
            ("features", json!(["trial", "bigstore"])),
        ] {
            assert_eq!(trial[field], value, "{field}");
        }
        sim.pass(31 * 86_400);
        assert_eq!(
            sim.admin(0, "GET", "/v1/license", Value::Null).json["expired"],
            true
        );
    }

    #[test]
    fn a_corrupt_licence_is_400() {
        for body in [json!({"license": "garbage"}), json!({}), json!({"license": 1})] {
            let mut sim = Fixture::cluster(1, 1);
            assert_eq!(
                sim.admin(0, "PUT", "/v1/license", body.clone()).status,
                400,
                "{body}"
            );
            assert_eq!(sim.admin(0, "GET", "/v1/license", Value::Null).status, 200);
        }
    }

    #[test]
    fn a_cluster_without_a_licence_answers_404() {
        let mut sim = Fixture::cluster_with(1, 1, Switches::default());
        sim.world
            .clusters
            .values_mut()
            .for_each(|cluster| cluster.license.text.clear());
        assert_eq!(sim.admin(0, "GET", "/v1/license", Value::Null).status, 404);
    }
}
