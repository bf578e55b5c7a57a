//! Whether a database answers: `/v1/bdbs/{uid}/availability` for the whole, `/v1/local/...` for the endpoint on one node.

use super::access::scope;
use super::bdbs::{Database, Status};
use crate::sim::bugs::Bug;
use crate::sim::call::{Answer, ApiError, Ctx, Reply};
use crate::sim::ids::{BdbUid, NodeUid};
use crate::sim::permission::Permission;
use crate::sim::placement::Role;
use crate::sim::route::Route;
use crate::sim::schema::shape;
use crate::sim::state::SimNode;
use crate::sim::version::Profile;
use http::StatusCode;

/// Routes of this family. Followers answer both themselves; a defect makes them redirect the first.
#[rustfmt::skip]
pub(crate) const ROUTES: &[Route] = &[
    Route::new("GET", "/v1/bdbs/{uid}/availability", Permission::ViewBdbInfo, shape::NOTHING, whole).local().since(Profile::V7_8_6),
    Route::new("GET", "/v1/local/bdbs/{uid}/endpoint/availability", Permission::ViewBdbInfo, shape::NOTHING, local).local().since(Profile::V7_8_6),
];

/// What the query may say, since 8.0: the one further check, and how much lag it tolerates.
fn check_query(ctx: &Ctx<'_>) -> Result<(), ApiError> {
    let wrong = |key: &str, fits: fn(&str) -> bool| ctx.call.query.get(key).is_some_and(|text| !fits(text));
    if ctx.env.profile < Profile::V8_0_20 {
        return Ok(());
    }
    if wrong("extend_check", |text| text == "lag") {
        return Err(ApiError::bad_request("extend_check: only lag can be checked"));
    }
    if wrong("availability_lag_tolerance_ms", |text| {
        text.parse::<u64>().is_ok()
    }) {
        return Err(ApiError::bad_request(
            "availability_lag_tolerance_ms: milliseconds are wanted",
        ));
    }
    Ok(())
}

fn whole(ctx: &mut Ctx<'_>) -> Answer {
    check_query(ctx)?;
    let database = known(ctx)?;
    if !ctx.cluster.has_quorum(ctx.env) {
        return Err(unavailable("no_quorum", "the cluster has no quorum"));
    }
    let serving = |node: &NodeUid| is_up(ctx, *node);
    let bound = if database.flag("oss_cluster") {
        !database.bound.is_empty() && database.bound.iter().all(serving)
    } else {
        database.bound.iter().any(serving)
    };
    verdict(ctx, database, bound, |suffixes| {
        format!("bdb_unavailable{suffixes}")
    })
}

fn local(ctx: &mut Ctx<'_>) -> Answer {
    check_query(ctx)?;
    let database = known(ctx)?;
    let own = ctx
        .cluster
        .members
        .values()
        .find(|member| member.host == ctx.node)
        .map(|member| member.uid);
    let bound = own.is_some_and(|own| database.bound.contains(&own));
    let answer = verdict(ctx, database, bound, |_| "bdb_endpoint_unavailable".to_owned());
    answer.map_err(|mut error| {
        if !bound && ctx.env.has(Bug::EndpointAvailability500) {
            error.status = StatusCode::INTERNAL_SERVER_ERROR;
        }
        error
    })
}

/// 200, or 503 with what is wrong and the code that `code` makes of it.
fn verdict(ctx: &Ctx<'_>, database: &Database, bound: bool, code: fn(&str) -> String) -> Answer {
    let served = |status| !matches!(status, Status::CreationFailed | Status::Recovery);
    let mut masters = ctx
        .cluster
        .databases
        .shards
        .of(database.uid)
        .filter(|shard| shard.role == Role::Master)
        .peekable();
    let shards = served(database.status)
        && masters.peek().is_some()
        && masters.all(|shard| shard.up && is_up(ctx, shard.node));
    let port = bound && served(database.status) && !database.flag("traffic_manually_disabled");
    if shards && port {
        return Ok(Reply::empty());
    }
    let mut suffixes = String::new();
    let mut reasons = Vec::new();
    for (fine, suffix, reason) in [
        (shards, "_shard_unreachable", "shard unreachable"),
        (port, "_port_unbound", "port unbound"),
    ] {
        if !fine {
            suffixes.push_str(suffix);
            reasons.push(reason);
        }
    }
    Err(unavailable(
        &code(&suffixes),
        &format!("Endpoint error status: {}", reasons.join(", ")),
    ))
}

fn known<'a>(ctx: &'a Ctx<'_>) -> Result<&'a Database, ApiError> {
    let uid: BdbUid = ctx.call.param("uid")?;
    let database = ctx.cluster.databases.get(uid);
    let database = database.filter(|_| scope(ctx).has(uid));
    database.ok_or_else(|| {
        ApiError::new(
            StatusCode::NOT_FOUND,
            "db_not_found",
            format!("database {uid} does not exist"),
        )
    })
}

fn is_up(ctx: &Ctx<'_>, node: NodeUid) -> bool {
    let member = ctx.cluster.members.get(&node);
    member
        .and_then(|member| ctx.env.node(member.host))
        .is_some_and(SimNode::is_on)
}

fn unavailable(code: &str, description: &str) -> ApiError {
    ApiError::new(StatusCode::SERVICE_UNAVAILABLE, code, description)
}

#[cfg(test)]
mod tests {
    use crate::sim::fixture::Fixture;
    use serde_json::Value;

    #[test]
    fn a_database_that_answers_says_so_by_the_status_alone_and_a_wrong_question_is_400() {
        let mut sim = Fixture::cluster(1, 1);
        sim.database(None);
        for path in [
            "/v1/bdbs/1/availability",
            "/v1/local/bdbs/1/endpoint/availability",
        ] {
            for (query, status) in [
                ("", 200),
                ("?extend_check=lag&availability_lag_tolerance_ms=100", 200),
                ("?extend_check=moon", 400),
                ("?availability_lag_tolerance_ms=soon", 400),
            ] {
                let answer = sim.admin(0, "GET", &format!("{path}{query}"), Value::Null);
                assert_eq!(answer.status, status, "{path}{query}");
                assert_eq!(answer.json.is_null(), status == 200, "{path}{query}");
            }
        }
    }
}
