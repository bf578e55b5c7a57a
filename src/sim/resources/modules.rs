//! Modules: those that come with the cluster, those that users bring, and what they can do.

mod artifact;
mod brought;
mod upload;

use artifact::{artifacts, delete_artifact, upload_artifact};
pub(crate) use brought::bring;

use super::catalog::{self, Build, builds, number};
use super::texts;
use crate::sim::call::{Answer, ApiError, Ctx, Reply};
use crate::sim::permission::Permission::{ManageClusterModules, UpdateCluster, ViewClusterModules};
use crate::sim::route::Route;
use crate::sim::schema::module::{USER_DEFINED, USER_DEFINED_TABLE};
use crate::sim::schema::shape;
use crate::sim::schema::{self, Ignored, Phase};
use crate::sim::state::Cluster;
use crate::sim::version::Profile::{self, V8_0_20, V8_2_0};
use serde_json::{Map, Value, json};
use upload::{delete_v1, delete_v2, upload, upload_v2};

/// Routes of this family.
#[rustfmt::skip]
pub(crate) const ROUTES: &[Route] = &[
    Route::new("GET", "/v1/modules", ViewClusterModules, shape::MODULES, list),
    Route::new("GET", "/v1/modules/{uid}", ViewClusterModules, shape::MODULE, get),
    Route::new("POST", "/v1/modules", UpdateCluster, shape::MODULE, upload).until(V8_0_20),
    Route::new("POST", "/v2/modules", UpdateCluster, shape::MODULE, upload_v2).until(V8_0_20),
    Route::new("DELETE", "/v1/modules/{uid}", UpdateCluster, shape::NOTHING, delete_v1).until(V8_0_20),
    Route::new("DELETE", "/v2/modules/{uid}", UpdateCluster, shape::ACTION_UID, delete_v2).until(V8_0_20),
    Route::new("POST", "/v2/modules/user-defined", ManageClusterModules, shape::MODULE, define).since(V8_0_20),
    Route::new("DELETE", "/v2/modules/user-defined/{uid}", ManageClusterModules, shape::NOTHING, delete).since(V8_0_20),
    Route::new("GET", "/v2/local/modules/user-defined/artifacts", ViewClusterModules, shape::ARTIFACTS, artifacts).local().since(V8_0_20),
    Route::new("POST", "/v2/local/modules/user-defined/artifacts", ManageClusterModules, shape::NOTHING, upload_artifact).local().since(V8_0_20),
    Route::new("DELETE", "/v2/local/modules/user-defined/artifacts/{name}/{version}", ManageClusterModules, shape::NOTHING, delete_artifact).local().since(V8_0_20),
    Route::new("GET", "/v1/cluster/module-capabilities", ViewClusterModules, shape::CAPABILITIES, capabilities),
];

const FAMILY: &str = "modules";

/// A module that a database can have.
pub(crate) struct Offered {
    pub(crate) uid: String,
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) min_redis: String,
    /// Least version of the cluster's software; empty for any.
    pub(crate) min_software: String,
    pub(crate) capabilities: Vec<String>,
    /// Command that changes its arguments at run time; empty without one.
    pub(crate) config_command: String,
}

/// What databases need of their modules: a setting that is on, and the capability.
const NEEDS: [(&str, &str); 3] = [
    ("sharding", "clustering"),
    ("replication", "replica_of"),
    ("bigstore", "flash"),
];

impl Offered {
    /// One that comes with the cluster.
    fn bundled(build: Build) -> Self {
        let capabilities = catalog::capabilities(build.name);
        Self {
            uid: build.uid(),
            name: build.name.to_owned(),
            min_redis: build.redis_version.to_owned(),
            min_software: String::new(),
            capabilities: capabilities.into_iter().map(str::to_owned).collect(),
            config_command: catalog::config_command(build.name).to_owned(),
            version: build.semantic_version,
        }
    }

    /// One that a user brought.
    fn brought(module: &Map<String, Value>) -> Self {
        let text = |key: &str| {
            let text = module.get(key).and_then(Value::as_str);
            text.unwrap_or_default().to_owned()
        };
        Self {
            uid: text("uid"),
            name: text("module_name"),
            version: text("semantic_version"),
            min_redis: text("min_redis_version"),
            min_software: text("min_redis_pack_version"),
            capabilities: texts(module, "capabilities").map(str::to_owned).collect(),
            config_command: text("config_command"),
        }
    }

    /// Whether it runs with this version of Redis.
    fn runs_with(&self, redis_version: &str) -> bool {
        number(&self.min_redis) <= number(redis_version)
    }

    pub(crate) fn can(&self, capability: &str) -> bool {
        self.capabilities.iter().any(|own| own == capability)
    }

    /// What a database of this configuration needs and the module cannot.
    pub(crate) fn lacks(&self, set: &Map<String, Value>) -> Option<&'static str> {
        let is_on = |setting: &str| set.get(setting) == Some(&Value::Bool(true));
        let mut needs = NEEDS.iter().filter(|(setting, _)| is_on(setting));
        needs
            .find(|(_, capability)| !self.can(capability))
            .map(|(_, capability)| *capability)
    }
}

/// Every module that the cluster has.
pub(crate) fn every(cluster: &Cluster, profile: Profile) -> impl Iterator<Item = Offered> {
    let own = cluster.documents.all(FAMILY);
    let own = own.map(|(_, module)| Offered::brought(module));
    builds(profile).into_iter().map(Offered::bundled).chain(own)
}

/// The module that an entry of a database's `module_list` means. What it says of uid and version decides; else it is the one
/// made for this version of Redis, or the first that runs with it.
pub(crate) fn meant(
    cluster: &Cluster,
    profile: Profile,
    entry: &Value,
    redis_version: &str,
) -> Option<Offered> {
    let says = |key: &str, value: &str| {
        let said = entry.get(key).and_then(Value::as_str);
        said.is_none_or(|said| said.is_empty() || said == value)
    };
    let name = entry.get("module_name")?.as_str()?;
    let mut all: Vec<Offered> = every(cluster, profile)
        .filter(|module| module.name == name && module.runs_with(redis_version))
        .filter(|module| says("module_id", &module.uid) && says("semantic_version", &module.version))
        .collect();
    let made = all.iter().position(|module| module.min_redis == redis_version);
    let place = made.unwrap_or(0);
    (place < all.len()).then(|| all.swap_remove(place))
}

/// The module with this uid.
pub(crate) fn offered(ctx: &Ctx<'_>, uid: &str) -> Option<Offered> {
    every(ctx.cluster, ctx.env.profile).find(|module| module.uid == uid)
}

/// The newest version of a module that runs with this version of Redis.
pub(crate) fn newest(ctx: &Ctx<'_>, name: &str, redis_version: &str) -> Option<String> {
    every(ctx.cluster, ctx.env.profile)
        .filter(|module| module.name == name && module.runs_with(redis_version))
        .map(|module| module.version)
        .max_by_key(|version| number(version))
}

fn all(ctx: &Ctx<'_>) -> Vec<Value> {
    let bundled = builds(ctx.env.profile).into_iter().map(|build| build.shown());
    let own = ctx.cluster.documents.all(FAMILY);
    let own = own.map(|(_, module)| Value::Object(shown(module.clone())));
    bundled.chain(own).collect()
}

/// A module of a user as the API shows it.
fn shown(mut module: Map<String, Value>) -> Map<String, Value> {
    module.insert("is_bundled".to_owned(), json!(false));
    module
}

fn list(ctx: &mut Ctx<'_>) -> Answer {
    Ok(Reply::json(all(ctx)))
}

fn wanted(ctx: &Ctx<'_>) -> Result<Value, ApiError> {
    let uid = ctx.call.params.get("uid").cloned().unwrap_or_default();
    let found = all(ctx)
        .into_iter()
        .find(|module| module.get("uid") == Some(&json!(uid)));
    found.ok_or_else(|| ApiError::not_found(format!("there is no module {uid}")))
}

fn get(ctx: &mut Ctx<'_>) -> Answer {
    Ok(Reply::json(wanted(ctx)?))
}

/// A module that a user brought and no database uses.
fn delete(ctx: &mut Ctx<'_>) -> Answer {
    let module = wanted(ctx)?;
    if module.get("is_bundled") == Some(&json!(true)) {
        return Err(ApiError::not_acceptable(
            "bundled_module",
            "modules that come with the cluster stay",
        ));
    }
    let name = module.get("module_name").cloned().unwrap_or_default();
    let uses = |list: &Value| {
        let list = list.as_array().into_iter().flatten();
        list.into_iter()
            .any(|used| used.get("module_name") == Some(&name))
    };
    let databases = ctx.cluster.databases.iter();
    let user = databases
        .filter(|database| database.set.get("module_list").is_some_and(uses))
        .map(|database| database.uid)
        .next();
    if let Some(user) = user {
        let text = format!("database {user} uses the module");
        return Err(ApiError::not_acceptable("module_in_use", text));
    }
    let key = ctx
        .cluster
        .documents
        .all(FAMILY)
        .find(|(_, kept)| kept.get("uid") == module.get("uid"));
    if let Some(key) = key.map(|(key, _)| key) {
        ctx.cluster.documents.remove(FAMILY, key);
        ctx.commit();
    }
    Ok(Reply::empty())
}

/// `allow_modules_upload` is off unless turned on, since 8.2.
fn uploads_allowed(ctx: &Ctx<'_>) -> Result<(), ApiError> {
    let allowed = ctx.cluster.settings.get("allow_modules_upload") == Some(&json!(true));
    if ctx.env.profile < V8_2_0 || allowed {
        return Ok(());
    }
    Err(ApiError::forbidden(
        "modules_upload_disabled",
        "allow_modules_upload is off",
    ))
}

fn define(ctx: &mut Ctx<'_>) -> Answer {
    uploads_allowed(ctx)?;
    let body = ctx.body(&USER_DEFINED_TABLE).map_err(not_acceptable)?;
    Ok(Reply::json(kept(ctx, &body, Map::new())?))
}

/// What is wrong with the description of a module is 406, also when it is the schema.
fn not_acceptable(error: ApiError) -> ApiError {
    ApiError::not_acceptable("invalid_module", error.description)
}

/// Checks the description of a module and keeps it, with `more`, under an uid of its own.
fn kept(
    ctx: &mut Ctx<'_>,
    body: &Map<String, Value>,
    more: Map<String, Value>,
) -> Result<Map<String, Value>, ApiError> {
    let mut module = schema::defaults(USER_DEFINED, ctx.env.profile);
    module.extend(schema::accept(
        USER_DEFINED,
        ctx.env.profile,
        Phase::Create,
        Ignored::by(ctx.env),
        &Map::new(),
        body,
    )?);
    let text = |key: &str| {
        module
            .get(key)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let (name, version) = (text("module_name"), text("semantic_version"));
    if name.is_empty() || version.is_empty() {
        return Err(ApiError::not_acceptable(
            "missing_field",
            "module_name and semantic_version are needed",
        ));
    }
    let uid = catalog::uid(&name, &version);
    if all(ctx).iter().any(|other| other.get("uid") == Some(&json!(uid))) {
        let text = format!("{name} {version} is there already");
        return Err(ApiError::not_acceptable("module_exists", text));
    }
    module.entry("version").or_insert(json!(number(&version)));
    module.insert("uid".to_owned(), json!(uid));
    module.extend(more);
    let key = ctx.cluster.documents.next_uid(FAMILY);
    ctx.cluster.documents.put(FAMILY, key, module.clone());
    ctx.commit();
    Ok(shown(module))
}

fn capabilities(_: &mut Ctx<'_>) -> Answer {
    let all = catalog::all_capabilities();
    let all: Vec<Value> = all
        .map(|(name, meaning)| json!({"name": name, "desc": meaning}))
        .collect();
    Ok(Reply::json(json!({"all_capabilities": all})))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::fixture::Fixture;

    /// A description of a module with every field that is needed.
    pub(super) fn description() -> Value {
        json!({
            "module_name": "mine", "version": 10203, "semantic_version": "1.2.3", "display_name": "Mine", "commands": [],
            "command_line_args": "", "capabilities": ["types"], "min_redis_version": "7.2",
        })
    }

    #[test]
    fn a_description_of_a_module_has_every_field_and_sound_values() {
        let mut sim = Fixture::cluster(1, 1);
        sim.admin(0, "PUT", "/v1/cluster", json!({"allow_modules_upload": true}));
        let mut refused = |body: Value| {
            let got = sim.admin(0, "POST", "/v2/modules/user-defined", body.clone());
            assert_eq!((got.status, got.code()), (406, "invalid_module"), "{body}");
        };
        for field in description().as_object().unwrap().keys() {
            let mut body = description();
            body.as_object_mut().unwrap().remove(field);
            refused(body);
        }
        for (field, value) in [
            ("version", json!("1.2.3")),
            ("commands", json!({})),
            ("colour", json!(1)),
        ] {
            let mut body = description();
            body[field] = value;
            refused(body);
        }
    }

    #[test]
    fn a_module_of_a_user_is_kept_until_it_is_deleted() {
        let mut sim = Fixture::cluster(1, 1);
        let body = description();
        let refused = sim.admin(0, "POST", "/v2/modules/user-defined", body.clone());
        assert_eq!((refused.status, refused.code()), (403, "modules_upload_disabled"));
        sim.admin(0, "PUT", "/v1/cluster", json!({"allow_modules_upload": true}));
        let made = sim.admin(0, "POST", "/v2/modules/user-defined", body.clone());
        assert_eq!((made.status, &made.json["is_bundled"]), (200, &json!(false)));
        assert_eq!(sim.admin(0, "POST", "/v2/modules/user-defined", body).status, 406);
        let uid = made.json["uid"].as_str().unwrap().to_owned();
        assert_eq!(
            sim.admin(0, "GET", &format!("/v1/modules/{uid}"), Value::Null)
                .status,
            200
        );
        assert_eq!(
            sim.admin(
                0,
                "DELETE",
                &format!("/v2/modules/user-defined/{uid}"),
                Value::Null
            )
            .status,
            200
        );
        assert_eq!(
            sim.admin(0, "GET", &format!("/v1/modules/{uid}"), Value::Null)
                .status,
            404
        );
    }

    #[test]
    fn capabilities_are_listed_with_what_they_mean() {
        let mut sim = Fixture::cluster(1, 1);
        let listed = sim
            .admin(0, "GET", "/v1/cluster/module-capabilities", Value::Null)
            .json;
        let meant = |name: &str| {
            let mut all = listed["all_capabilities"].as_array().unwrap().iter();
            all.find(|capability| capability["name"] == name)
                .map(|capability| capability["desc"].clone())
        };
        let wanted = json!("module has no methods that operate on multiple keys");
        assert_eq!(meant("no_multi_key"), Some(wanted));
        let modules = sim.admin(0, "GET", "/v1/modules", Value::Null).json;
        let modules = modules.as_array().unwrap().iter();
        for name in modules.flat_map(|module| module["capabilities"].as_array().unwrap()) {
            assert!(meant(name.as_str().unwrap()).is_some(), "{name}");
        }
    }
}
