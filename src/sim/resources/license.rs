//! `/v1/license`.

use super::iso;
use crate::sim::call::{Answer, ApiError, Ctx, Reply};
use crate::sim::events::Told;
use crate::sim::license_text;
use crate::sim::permission::Permission::{InstallNewLicense, ViewLicense};
use crate::sim::route::Route;
use crate::sim::schema::shape;
use crate::sim::switch::Switch;
use http::StatusCode;
use serde_json::{Value, json};

/// Routes of this family.
#[rustfmt::skip]
pub(crate) const ROUTES: &[Route] = &[
    Route::new("GET", "/v1/license", ViewLicense, shape::LICENSE, get),
    Route::new("PUT", "/v1/license", InstallNewLicense, shape::NOTHING, put),
];

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
    if let Some(violation) = license.violation(&ctx.cluster.name, ctx.env.now, shards.ram, shards.flash) {
        if ctx.env.on(Switch::RefusedLicenseDropsOld) {
            ctx.cluster.license.text.clear();
            ctx.cluster.license.expiration = ctx.env.now;
            ctx.commit();
        }
        return Err(ApiError::not_acceptable(violation.code(), violation.to_string()));
    }
    if license != ctx.cluster.license {
        ctx.cluster.license = license;
        ctx.tell(Told::LicenseUpdated, &json!({}));
        ctx.commit();
    }
    Ok(Reply::empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::fixture::Fixture;
    use crate::sim::license_text::License;
    use crate::sim::switch::Switches;

    #[test]
    fn a_licence_is_taken_or_refused_for_what_it_says() {
        const NAME: &str = "cluster.example.com";
        let now = Fixture::fresh(1).world.now();
        let later = now.checked_add(jiff::SignedDuration::from_hours(48)).unwrap();
        let before = now.checked_sub(jiff::SignedDuration::from_hours(48)).unwrap();
        for (license, status, code) in [
            (License::bought(NAME, 20, now, 30), 200, ""),
            (
                License::bought("other.example.com", 20, now, 30),
                406,
                "cluster_name_mismatch",
            ),
            (License::bought(NAME, 20, later, 30), 406, "license_not_active"),
            (License::bought(NAME, 20, before, 1), 406, "license_expired"),
        ] {
            for switch in [None, Some(Switch::RefusedLicenseDropsOld)] {
                let switches = switch
                    .map(|switch| Switches::default().with(switch))
                    .unwrap_or_default();
                let mut sim = Fixture::cluster_with(1, 1, switches);
                let reply = sim.admin(0, "PUT", "/v1/license", json!({"license": license.text}));
                assert_eq!((reply.status, reply.code()), (status, code));
                let shown = sim.admin(0, "GET", "/v1/license", Value::Null);
                let kept = if switch.is_some() { 404 } else { 200 };
                assert_eq!(shown.status, if status == 200 { 200 } else { kept });
                assert_eq!(shown.json["shards_limit"] == json!(20), status == 200);
            }
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
