//! Creating a database, or taking one over.

use crate::api::FORMER_OWNER_TAG;
use crate::api::IntentAction;
use crate::api::OWNER_TAG;
use crate::api::PersistenceMode;
use crate::api::Reason;
use crate::api::Record;
use crate::api::TlsMode;
use crate::plan::Plan;
use crate::plan::Publication;
use crate::plan::Step;
use crate::plan::database::Action;
use crate::plan::database::Password;
use crate::plan::database::Seen;
use crate::plan::database::State;
use crate::plan::database::case::Case;
use crate::plan::database::fields;
use crate::plan::database::state;
use crate::plan::field;
use crate::rest::model::Bdb;
use crate::rest::model::DatabaseVersion;
use crate::rest::model::JsonMap;
use crate::rest::model::SoftwareVersion;
use crate::rest::model::Tag;
use serde_json::json;

/// Plans the creation: its intent carries the version of the password that the database gets.
pub(super) fn create(case: &Case<'_>, seen: &Seen, plan: &mut Plan<Action>) {
    if case.spec.persistence.as_ref().is_some_and(|persistence| {
        persistence.mode == PersistenceMode::Snapshot
            && persistence.snapshots.as_ref().is_none_or(Vec::is_empty)
    }) {
        let detail = "spec.persistence.snapshots must say when a snapshot is taken".to_owned();
        return plan.holds.push(case.hold(Reason::InvalidSpec, detail));
    }
    let version = match &case.inputs.password {
        Err(hold) => return plan.holds.push(case.held_by("create", hold)),
        Ok(Some(Password::ToGenerate { secret, key })) => {
            let publication = Publication::GeneratePassword {
                secret: secret.clone(),
                key: key.clone(),
            };
            return plan.steps.push(Step::Publish(publication));
        }
        Ok(Some(Password::Given { version, .. })) => Some(version.clone()),
        Ok(None) => None,
    };
    if let Some(hold) = case.takeover("create") {
        return plan.holds.push(hold);
    }
    let intent = case.new_intent(IntentAction::CreateDatabase, case.name().to_owned(), version);
    plan.steps.push(Step::Record(Record::Intent(intent)));
    plan.steps.push(Step::Call(Action::Create {
        body: body(case, seen),
    }));
}

/// Plans to take a database over: from then on it bears our tag.
pub(super) fn adopt(case: &Case<'_>, bdb: &Bdb, plan: &mut Plan<Action>) {
    match state(case, bdb) {
        State::Settled => {}
        State::Serving(wait) | State::Waiting(wait) => return plan.waits.push(wait),
        State::Failed(hold) => return plan.holds.push(hold),
    }
    if !case.status.adopted || case.status.uid != Some(bdb.uid.0) {
        plan.steps.push(Step::Record(Record::Database {
            uid: bdb.uid.0,
            adopted: true,
        }));
    }
    plan.steps.push(Step::Call(Action::Adopt {
        bdb: bdb.uid,
        tags: tags_with_owner(bdb, case.owner()),
    }));
}

/// All tags of a database, with this value in the ownership tag and without a former one, whose value may not be changed.
pub(super) fn tags_with_owner(bdb: &Bdb, owner: &str) -> Vec<Tag> {
    let mut tags: Vec<Tag> = bdb
        .tags
        .iter()
        .filter(|tag| ![OWNER_TAG, FORMER_OWNER_TAG].contains(&tag.key.as_str()))
        .cloned()
        .collect();
    tags.push(Tag {
        key: OWNER_TAG.to_owned(),
        value: owner.to_owned(),
    });
    tags.sort();
    tags
}

fn body(case: &Case<'_>, seen: &Seen) -> JsonMap {
    let (mut body, _) = field::wanted(fields::FIELDS, case.spec);
    body.insert("name".to_owned(), json!(case.name()));
    let owner = [(OWNER_TAG.to_owned(), case.owner().to_owned())];
    let tags = case
        .spec
        .tags
        .clone()
        .unwrap_or_default()
        .into_iter()
        .chain(owner);
    body.insert("tags".to_owned(), fields::tag_list(tags));
    required(case, seen, &mut body);
    body
}

/// The short table of what Redis Enterprise refuses, or misreads, when it is left out.
fn required(case: &Case<'_>, seen: &Seen, body: &mut JsonMap) {
    if let Some(version) = latest(&seen.versions) {
        body.insert("redis_version".to_owned(), json!(version));
    }
    if case.spec.shard_count.is_some_and(|count| count > 1) {
        body.extend(fields::sharding());
    }
    // The default is `enabled`, and then no client without a certificate of its own gets in.
    if case
        .spec
        .tls
        .as_ref()
        .is_some_and(|tls| tls.mode == TlsMode::Enabled)
    {
        body.insert("enforce_client_authentication".to_owned(), json!("disabled"));
    }
}

/// The latest version of Redis that every node runs, as major and minor: the only form that is accepted.
fn latest(versions: &[DatabaseVersion]) -> Option<String> {
    let redis = versions.iter().filter(|version| version.db_type == "redis");
    let latest = redis.max_by_key(|version| SoftwareVersion::parse(&version.version))?;
    let text = latest.redis_version.as_deref().unwrap_or(&latest.version);
    let mut parts = text.split('.');
    match (parts.next(), parts.next()) {
        (Some(major), Some(minor)) if !major.is_empty() => Some(format!("{major}.{minor}")),
        _ => None,
    }
}
