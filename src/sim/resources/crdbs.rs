//! `/v1/crdbs` and `/v1/crdb_tasks`: Active-Active databases are left out, and every path of theirs says so.

use super::numbered::under_name;
use crate::sim::call::{Answer, ApiError, Ctx, Reply};
use crate::sim::permission::Permission::{
    CreateCrdb, DeleteCrdb, FlushCrdb, PurgeInstance, UpdateCrdb, ViewCrdb, ViewCrdbList, ViewCrdbTask,
    ViewCrdbTaskList,
};
use crate::sim::route::Route;
use crate::sim::schema::shape;
use crate::sim::switch::Switch;
use http::StatusCode;
use serde_json::json;

/// Routes of this family.
#[rustfmt::skip]
pub(crate) const ROUTES: &[Route] = &[
    Route::new("GET", "/v1/crdbs", ViewCrdbList, shape::CRDBS, databases).presumed(),
    Route::new("POST", "/v1/crdbs", CreateCrdb, shape::NOTHING, left_out).presumed(),
    Route::new("GET", "/v1/crdbs/{guid}", ViewCrdb, shape::NOTHING, left_out).presumed(),
    Route::new("PATCH", "/v1/crdbs/{guid}", UpdateCrdb, shape::NOTHING, left_out).presumed(),
    Route::new("DELETE", "/v1/crdbs/{guid}", DeleteCrdb, shape::NOTHING, left_out).presumed(),
    Route::new("POST", "/v1/crdbs/{guid}/updates", UpdateCrdb, shape::NOTHING, left_out).presumed(),
    Route::new("PUT", "/v1/crdbs/{guid}/flush", FlushCrdb, shape::NOTHING, left_out).presumed(),
    Route::new("PUT", "/v1/crdbs/{guid}/purge", PurgeInstance, shape::NOTHING, left_out).presumed(),
    Route::new("POST", "/v1/crdbs/{guid}/upgrade", UpdateCrdb, shape::NOTHING, left_out).presumed(),
    Route::new("GET", "/v1/crdbs/{guid}/health_report", ViewCrdb, shape::NOTHING, left_out).presumed(),
    Route::new("GET", "/v1/crdb_tasks", ViewCrdbTaskList, shape::NO_OBJECTS, tasks).presumed(),
    Route::new("GET", "/v1/crdb_tasks/{id}", ViewCrdbTask, shape::NOTHING, left_out).presumed(),
    Route::new("POST", "/v1/crdb_tasks/{id}/actions/cancel", UpdateCrdb, shape::NOTHING, left_out).presumed(),
];

/// Whether a route only says that Active-Active databases are not simulated.
pub(crate) fn is_left_out(path: &str) -> bool {
    path.starts_with("/v1/crdb")
}

fn databases(ctx: &mut Ctx<'_>) -> Answer {
    if ctx.env.on(Switch::CrdbListsEmpty) {
        return Ok(Reply::json(under_name(ctx, "crdbs", Vec::new())));
    }
    left_out(ctx)
}

fn tasks(ctx: &mut Ctx<'_>) -> Answer {
    if ctx.env.on(Switch::CrdbListsEmpty) {
        return Ok(Reply::json(json!([])));
    }
    left_out(ctx)
}

fn left_out(_: &mut Ctx<'_>) -> Answer {
    Err(ApiError::new(
        StatusCode::NOT_IMPLEMENTED,
        "unsupported_resource",
        "Active-Active databases are not simulated",
    ))
}

#[cfg(test)]
mod tests {
    use crate::sim::fixture::Fixture;
    use crate::sim::switch::{Switch, Switches};
    use serde_json::{Value, json};

    #[test]
    fn what_is_left_out_says_so() {
        let mut sim = Fixture::cluster(1, 1);
        for (method, path) in [
            ("GET", "/v1/crdbs"),
            ("PATCH", "/v1/crdbs/552bbccb"),
            ("POST", "/v1/crdb_tasks/x/actions/cancel"),
        ] {
            let reply = sim.admin(0, method, path, json!({}));
            assert_eq!(reply.status, 501, "{method} {path}");
            assert_eq!(reply.json["error_code"], "unsupported_resource");
        }
    }

    #[test]
    fn clients_that_list_everything_can_be_given_empty_lists() {
        let empty = Switches::default().with(Switch::CrdbListsEmpty);
        for (switches, databases) in [
            (empty.clone(), json!({"crdbs": []})),
            (empty.with(Switch::PlainLists), json!([])),
        ] {
            let mut sim = Fixture::cluster_with(1, 1, switches);
            assert_eq!(sim.admin(0, "GET", "/v1/crdbs", Value::Null).json, databases);
            assert_eq!(sim.admin(0, "GET", "/v1/crdb_tasks", Value::Null).json, json!([]));
            assert_eq!(sim.admin(0, "POST", "/v1/crdbs", json!({})).status, 501);
        }
    }
}
