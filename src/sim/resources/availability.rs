//! Whether a database answers: `/v1/bdbs/{uid}/availability` for the whole, `/v1/local/...` for the endpoint on one node.

use super::access::scope;
use super::bdbs::{Database, Status};
use crate::sim::bugs::Bug;
use crate::sim::call::{Answer, ApiError, Ctx, Reply};
use crate::sim::ids::{BdbUid, NodeUid};
use crate::sim::permission::Permission;
use crate::sim::placement::{Role, Shard};
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

/// What the query may say, since 8.0: the one further check, and how much lag it tolerates. Whether lag is to be checked.
fn checks_lag(ctx: &Ctx<'_>) -> Result<bool, ApiError> {
    let wrong = |key: &str, fits: fn(&str) -> bool| ctx.call.query.get(key).is_some_and(|text| !fits(text));
    if ctx.env.profile < Profile::V8_0_20 {
        return Ok(false);
    }
    if wrong("extend_check", |text| text.split(',').all(|check| check == "lag")) {
        return Err(ApiError::bad_request("extend_check: only lag can be checked"));
    }
    if wrong("availability_lag_tolerance_ms", |text| {
        text.parse::<u64>().is_ok()
    }) {
        return Err(ApiError::bad_request(
            "availability_lag_tolerance_ms: milliseconds are wanted",
        ));
    }
    Ok(ctx.call.query.contains_key("extend_check"))
}

fn whole(ctx: &mut Ctx<'_>) -> Answer {
    let lag = checks_lag(ctx)?;
    let database = known(ctx)?;
    let serving = |node: &NodeUid| is_up(ctx, *node);
    let bound = if database.flag("oss_cluster") {
        !database.bound.is_empty() && database.bound.iter().all(serving)
    } else {
        database.bound.iter().any(serving)
    };
    verdict(ctx, database, bound, lag, |suffixes| {
        format!("bdb_unavailable{suffixes}")
    })
}

fn local(ctx: &mut Ctx<'_>) -> Answer {
    let lag = checks_lag(ctx)?;
    let database = known(ctx)?;
    let own = ctx
        .cluster
        .members
        .values()
        .find(|member| member.host == ctx.node)
        .map(|member| member.uid);
    let bound = own.is_some_and(|own| database.bound.contains(&own));
    let code = |_: &str| "bdb_endpoint_unavailable".to_owned();
    let answer = verdict(ctx, database, bound, lag, code);
    answer.map_err(|mut error| {
        if !bound && ctx.env.has(Bug::EndpointAvailability500) {
            error.status = StatusCode::INTERNAL_SERVER_ERROR;
        }
        error
    })
}

/// 200, or 503 with what is wrong and the code that `code` makes of it. No suffix of a code is documented for lag.
fn verdict(ctx: &Ctx<'_>, database: &Database, bound: bool, lag: bool, code: fn(&str) -> String) -> Answer {
    let served = |status| !matches!(status, Status::CreationFailed | Status::Recovery);
    let of = |role: Role| {
        let shards = ctx.cluster.databases.shards.of(database.uid);
        shards.filter(move |shard| shard.role == role)
    };
    let runs = |shard: &Shard| shard.up && is_up(ctx, shard.node);
    let shards = served(database.status) && of(Role::Master).next().is_some() && of(Role::Master).all(runs);
    let port = bound && served(database.status) && !database.flag("traffic_manually_disabled");
    // Nothing is written, so a replica lags only while it does not run: behind any tolerance.
    let in_sync = !lag || of(Role::Slave).all(runs);
    if shards && port && in_sync {
        return Ok(Reply::empty());
    }
    let mut suffixes = String::new();
    let mut reasons = Vec::new();
    for (fine, suffix, reason) in [
        (shards, "_shard_unreachable", "shard unreachable"),
        (port, "_port_unbound", "port unbound"),
        (in_sync, "", "replica out of sync"),
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

/// The database that the path names, if the cluster has the quorum to say more about it.
fn known<'a>(ctx: &'a Ctx<'_>) -> Result<&'a Database, ApiError> {
    let uid: BdbUid = ctx.call.param("uid")?;
    let database = ctx.cluster.databases.get(uid);
    let database = database.filter(|_| scope(ctx).has(uid));
    let database = database.ok_or_else(|| {
        ApiError::new(
            StatusCode::NOT_FOUND,
            "db_not_found",
            format!("database {uid} does not exist"),
        )
    })?;
    if !ctx.cluster.has_quorum(ctx.env) {
        return Err(unavailable("no_quorum", "the cluster has no quorum"));
    }
    Ok(database)
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
    use crate::sim::ids::NodeIndex;
    use serde_json::{Value, json};

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
                ("?extend_check=lag,lag", 200),
                ("?extend_check=moon", 400),
                ("?extend_check=lag,moon", 400),
                ("?availability_lag_tolerance_ms=soon", 400),
            ] {
                let answer = sim.admin(0, "GET", &format!("{path}{query}"), Value::Null);
                assert_eq!(answer.status, status, "{path}{query}");
                assert_eq!(answer.json.is_null(), status == 200, "{path}{query}");
            }
        }
    }

    #[test]
    fn a_replica_that_is_out_of_sync_counts_only_when_lag_is_checked() {
        let mut sim = Fixture::cluster(3, 3);
        sim.database_with_data(&[&json!({"replication": true})]);
        let mut node = |shard: u64| {
            let shard = sim
                .admin(0, "GET", &format!("/v1/shards/{shard}"), Value::Null)
                .json;
            shard["node_uid"].as_str().unwrap().parse::<usize>().unwrap() - 1
        };
        let (master, replica) = (node(1), node(2));
        sim.world.crash(NodeIndex(replica));
        sim.pass(30);
        for (path, code) in [
            ("/v1/bdbs/1/availability", "bdb_unavailable"),
            (
                "/v1/local/bdbs/1/endpoint/availability",
                "bdb_endpoint_unavailable",
            ),
        ] {
            for (query, status, code) in [("", 200, ""), ("?extend_check=lag", 503, code)] {
                let answer = sim.admin(master, "GET", &format!("{path}{query}"), Value::Null);
                assert_eq!((answer.status, answer.code()), (status, code), "{path}{query}");
            }
        }
        sim.world.power_on(NodeIndex(replica));
        sim.pass(60);
        let path = "/v1/bdbs/1/availability?extend_check=lag";
        assert_eq!(sim.admin(master, "GET", path, Value::Null).status, 200);
    }
}
