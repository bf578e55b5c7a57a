//! An auditor of plans for databases, written apart from the planner: it knows what must never be in a plan, and reads the
//! spec, what was seen and the steps for itself. Every test of the planner runs it.

use crate::api::AdoptionPolicy;
use crate::api::DeletionPolicy;
use crate::api::Downgrade;
use crate::api::Intent;
use crate::api::IntentAction;
use crate::api::ManagementPolicy;
use crate::api::Record;
use crate::api::RedisDatabase;
use crate::plan::Plan;
use crate::plan::Publication;
use crate::plan::Step;
use crate::plan::database::Action;
use crate::plan::database::Inputs;
use crate::plan::database::Observed;
use crate::plan::database::Password;
use crate::plan::database::Seen;
use crate::rest::model::Bdb;
use crate::rest::model::JsonMap;
use crate::rest::model::Tag;
use jiff::Timestamp;
use secrecy::ExposeSecret;
use serde_json::Value;

/// Keys of the ownership tag, the present one first.
const OWNER_KEYS: [&str; 2] = ["regent_owner", "regent-owner"];

/// Whom tags name as the owner.
fn owner(tags: &[Tag]) -> Option<&str> {
    let value = |key| tags.iter().find(|tag| tag.key == key);
    OWNER_KEYS
        .into_iter()
        .find_map(value)
        .map(|tag| tag.value.as_str())
}

/// Everything in a plan that must not be there, in words.
pub fn audit(
    object: &RedisDatabase,
    inputs: &Inputs,
    observed: &Observed,
    plan: &Plan<Action>,
    now: Timestamp,
) -> Vec<String> {
    let seen = match observed {
        Observed::Seen(seen) => Some(seen.as_ref()),
        Observed::Unasked => None,
    };
    let mut audit = Audit {
        object,
        inputs,
        seen,
        now,
        wrong: Vec::new(),
    };
    audit.wave(plan);
    let mut intent = None;
    for step in &plan.steps {
        match step {
            Step::Record(Record::Intent(recorded)) => intent = Some(recorded),
            Step::Record(_) => {}
            Step::Call(action) => audit.call(action, intent),
            Step::Publish(publication) => audit.publish(publication),
            Step::Release => audit.release(),
        }
    }
    audit.wrong
}

struct Audit<'a> {
    object: &'a RedisDatabase,
    inputs: &'a Inputs,
    seen: Option<&'a Seen>,
    now: Timestamp,
    wrong: Vec<String>,
}

impl<'a> Audit<'a> {
    fn must(&mut self, holds: bool, rule: &str) {
        if !holds {
            self.wrong.push(rule.to_owned());
        }
    }

    fn deleting(&self) -> bool {
        self.object.metadata.deletion_timestamp.is_some()
    }

    fn uid(&self) -> &'a str {
        self.object.metadata.uid.as_deref().unwrap_or("?")
    }

    fn annotated(&self, key: &str, value: &str) -> bool {
        self.object
            .metadata
            .annotations
            .as_ref()
            .is_some_and(|all| all.get(key).is_some_and(|it| it == value))
    }

    fn recorded(&self) -> Option<&'a Intent> {
        self.object.status.as_ref()?.intent.as_ref()
    }

    fn recorded_uid(&self) -> Option<u32> {
        self.object.status.as_ref()?.uid
    }

    fn tagged(&self) -> Vec<&'a Bdb> {
        let ours = |bdb: &&Bdb| owner(&bdb.tags).is_some_and(|owner| owner == self.uid());
        self.seen
            .iter()
            .flat_map(|seen| &seen.bdbs)
            .filter(ours)
            .collect()
    }

    /// What holds for the plan as a whole.
    fn wave(&mut self, plan: &Plan<Action>) {
        let calls = plan
            .steps
            .iter()
            .filter(|step| matches!(step, Step::Call(_)))
            .count();
        let orphan = self.deleting() && self.annotated("regent.dev/on-delete", "orphan");
        self.must(calls <= 1, "one call to a database at a time");
        self.must(
            calls == 0 || self.seen.is_some(),
            "no call to a cluster that was not seen",
        );
        self.must(
            calls == 0 || self.identity(),
            "no call to a cluster that is not the recorded one",
        );
        let paused = self.annotated("regent.dev/reconcile", "paused") && !orphan;
        self.must(plan.steps.is_empty() || !paused, "nothing while paused");
        let observes = self.object.spec.management_policy == Some(ManagementPolicy::Observe);
        self.must(
            plan.steps.is_empty() || !observes || self.deleting(),
            "nothing in Observe mode",
        );
        let text = format!("{:?}", plan.steps.iter().map(shown).collect::<Vec<_>>());
        if let Ok(Some(Password::Given { value, .. })) = &self.inputs.password {
            self.must(
                !text.contains(value.expose_secret()),
                "no password in the text of a plan",
            );
        }
    }

    fn identity(&self) -> bool {
        let trusted = self
            .inputs
            .access
            .as_ref()
            .ok()
            .and_then(|access| access.identity.as_ref());
        let recorded = self
            .object
            .status
            .as_ref()
            .and_then(|status| status.cluster_identity.as_ref());
        let seen = self.seen.map(|seen| &seen.identity);
        trusted.is_some() && trusted == seen && recorded.is_none_or(|recorded| Some(recorded) == seen)
    }

    /// The database of this uid, which must be the only one with our tag and the recorded one.
    fn owned(&mut self, uid: u32) -> Option<&'a Bdb> {
        let tagged = self.tagged();
        self.must(
            tagged.len() == 1,
            "a database is ours only if no other bears our tag",
        );
        self.must(
            self.recorded_uid().is_none_or(|recorded| recorded == uid),
            "the recorded database and no other",
        );
        let bdb = tagged.into_iter().find(|bdb| bdb.uid.0 == uid);
        self.must(bdb.is_some(), "a database is ours only if it bears our tag");
        bdb
    }

    fn settled(&mut self, bdb: Option<&Bdb>) {
        self.must(
            bdb.is_none_or(|bdb| bdb.status.as_str() == "active"),
            "no change of a database that is not active",
        );
    }

    fn intended(&mut self, intent: Option<&Intent>, action: IntentAction) {
        self.must(
            intent.is_some_and(|intent| intent.action == action),
            "a call that cannot be repeated follows its intent",
        );
        let waits = self.inputs.takeover_until.is_some_and(|until| self.now < until);
        self.must(!waits, "a new leader waits before a call that cannot be repeated");
    }

    fn call(&mut self, action: &Action, intent: Option<&Intent>) {
        let leaves = matches!(action, Action::Delete(_) | Action::MarkReleased { .. });
        self.must(
            self.deleting() == leaves,
            "deleting calls when it is deleted, and only then",
        );
        match action {
            Action::Create { body } => self.create(body, intent),
            Action::Update { bdb, body } => self.update(bdb.get().0, body),
            Action::Adopt { bdb, tags } => self.adopt(bdb.0, tags),
            Action::MarkReleased { bdb, tags } => {
                let bdb = self.owned(bdb.get().0);
                self.settled(bdb);
                self.must(
                    self.object.spec.deletion_policy != Some(DeletionPolicy::Delete),
                    "released only under Retain",
                );
                self.others_stay(bdb, tags);
            }
            Action::AddPassword(bdb) => {
                let bdb = self.owned(bdb.get().0);
                self.settled(bdb);
                self.intended(intent, IntentAction::ChangePassword);
            }
            Action::ReplacePasswords(bdb) => {
                let bdb = self.owned(bdb.get().0);
                self.settled(bdb);
                self.replaceable();
            }
            Action::Delete(bdb) => self.delete(bdb.get().0, intent),
        }
    }

    fn create(&mut self, body: &JsonMap, intent: Option<&Intent>) {
        self.intended(intent, IntentAction::CreateDatabase);
        self.must(self.tagged().is_empty(), "no second database with our tag");
        self.must(
            self.recorded_uid().is_none(),
            "a database that vanished is not created again",
        );
        let name = body.get("name").and_then(Value::as_str).unwrap_or_default();
        let taken = self
            .seen
            .iter()
            .flat_map(|seen| &seen.bdbs)
            .any(|bdb| bdb.name == name);
        self.must(!taken, "no second database of the same name");
        let sent = self
            .recorded()
            .filter(|intent| intent.action == IntentAction::CreateDatabase);
        let recent = sent.and_then(|intent| intent.time.parse::<Timestamp>().ok());
        let recent = recent.is_some_and(|time| self.now.duration_since(time).as_secs() < 120);
        self.must(!recent, "no second creation while the first may still show");
        let owner = serde_json::json!({"key": "regent_owner", "value": self.uid()});
        let tagged = body
            .get("tags")
            .and_then(Value::as_array)
            .is_some_and(|tags| tags.contains(&owner));
        self.must(tagged, "a new database bears our tag");
        for key in body.keys() {
            let table = [
                "name",
                "tags",
                "redis_version",
                "sharding",
                "shard_key_regex",
                "enforce_client_authentication",
            ];
            self.must(
                table.contains(&key.as_str()) || self.sets(key),
                &format!("{key} is created though nobody set it"),
            );
        }
    }

    fn update(&mut self, uid: u32, body: &JsonMap) {
        let Some(bdb) = self.owned(uid) else { return };
        self.settled(Some(bdb));
        self.must(!body.is_empty(), "no empty change");
        for (key, value) in body {
            let goes_with = match key.as_str() {
                "endpoint" => body.contains_key("proxy_policy"),
                "sharding" | "shard_key_regex" => body.contains_key("shards_count"),
                other => self.sets(other),
            };
            self.must(
                goes_with,
                &format!("{key} is changed though the spec does not set it"),
            );
            self.must(
                key == "tags" || bdb.fields.get(key) != Some(value),
                &format!("{key} is sent though it is so already"),
            );
            self.must(
                !["port", "name", "uid", "type"].contains(&key.as_str()),
                &format!("{key} is changed on a live database"),
            );
            self.protected(bdb, key, value);
        }
        if let Some(tags) = body.get("tags") {
            let tags: Vec<Tag> = serde_json::from_value(tags.clone()).unwrap_or_default();
            self.others_stay(Some(bdb), &tags);
            let ours = owner(&tags).is_some_and(|owner| owner == self.uid());
            self.must(ours, "our tag stays");
        }
    }

    /// Whether protection is kept, or the spec says that it may fall.
    fn protected(&mut self, bdb: &Bdb, key: &str, value: &Value) {
        let live = bdb.fields.get(key).unwrap_or(&Value::Null);
        let number = |value: &Value| value.as_u64().unwrap_or(u64::MAX);
        let used = self
            .seen
            .and_then(|seen| seen.used_memory_bytes)
            .unwrap_or(u64::MAX);
        let (guard, falls) = match key {
            "replication" => (Downgrade::Replication, value == false && live == true),
            "tls_mode" => (
                Downgrade::Tls,
                value == "disabled" || value == "replica_ssl" && live != "disabled",
            ),
            "data_persistence" => {
                let off = value == "disabled";
                (
                    Downgrade::Persistence,
                    off || value == "snapshot" && live != "disabled",
                )
            }
            "aof_policy" => (Downgrade::Persistence, value == "appendfsync-every-sec"),
            "memory_size" => (
                Downgrade::Memory,
                number(value) < number(live) && number(value) < used,
            ),
            "shards_count" => {
                let grows = number(value) > number(live) && number(value).is_multiple_of(number(live).max(1));
                return self.must(grows, "shards grow by multiples");
            }
            _ => return,
        };
        let allowed = self
            .object
            .spec
            .allow_downgrades
            .as_ref()
            .is_some_and(|allowed| allowed.contains(&guard));
        self.must(
            !falls || allowed,
            &format!("{key} falls though {guard:?} is not allowed to"),
        );
    }

    fn others_stay(&mut self, bdb: Option<&Bdb>, tags: &[Tag]) {
        let Some(bdb) = bdb else { return };
        let named = |key: &str| {
            self.object
                .spec
                .tags
                .as_ref()
                .is_some_and(|tags| tags.contains_key(key))
        };
        let lost = bdb
            .tags
            .iter()
            .any(|tag| !OWNER_KEYS.contains(&tag.key.as_str()) && !named(&tag.key) && !tags.contains(tag));
        self.must(!lost, "tags of others stay");
    }

    fn adopt(&mut self, uid: u32, tags: &[Tag]) {
        self.must(
            self.object.spec.adoption_policy == Some(AdoptionPolicy::IfUnowned),
            "taken over only if the spec says so",
        );
        self.must(self.tagged().is_empty(), "no second database with our tag");
        self.must(
            self.recorded_uid().is_none_or(|recorded| recorded == uid),
            "the recorded database and no other",
        );
        let bdb = self
            .seen
            .and_then(|seen| seen.bdbs.iter().find(|bdb| bdb.uid.0 == uid));
        let owner = bdb.and_then(|bdb| owner(&bdb.tags));
        let free = owner.is_none_or(|owner| owner.is_empty() || owner.starts_with("released:"));
        self.must(bdb.is_some() && free, "only what nobody owns is taken over");
        self.settled(bdb);
        self.others_stay(bdb, tags);
    }

    fn delete(&mut self, uid: u32, intent: Option<&Intent>) {
        let recorded = self
            .recorded()
            .filter(|intent| intent.action == IntentAction::DeleteDatabase);
        self.intended(intent.or(recorded), IntentAction::DeleteDatabase);
        let spec = &self.object.spec;
        self.must(
            spec.deletion_policy == Some(DeletionPolicy::Delete),
            "data goes only under Delete",
        );
        self.must(
            spec.management_policy.unwrap_or_default() == ManagementPolicy::Enforce,
            "data goes only in Enforce mode",
        );
        let breaker = &self.inputs.breaker;
        self.must(
            breaker.deletions <= breaker.limit || breaker.acknowledged,
            "a mass deletion waits for a human",
        );
        self.must(
            !self.annotated("regent.dev/on-delete", "orphan"),
            "an orphaned database stays",
        );
        let bdb = self.owned(uid);
        let fit = |bdb: &Bdb| matches!(bdb.status.as_str(), "active" | "creation-failed");
        self.must(
            bdb.is_none_or(fit),
            "no deletion of a database that is not active",
        );
    }

    /// The old password goes only when the new one has been added, or is the same.
    fn replaceable(&mut self) {
        let Ok(Some(Password::Given { value, version })) = &self.inputs.password else {
            return self.must(false, "no password to set");
        };
        let added = self.recorded().is_some_and(|intent| {
            intent.action == IntentAction::ChangePassword && intent.detail.as_ref() == Some(version)
        });
        let published = self
            .inputs
            .connection
            .as_ref()
            .and_then(|data| data.get("password"));
        let same = published.is_some_and(|published| published.expose_secret() == value.expose_secret());
        self.must(added || same, "the old password goes after the new one was added");
    }

    fn publish(&mut self, publication: &Publication) {
        match publication {
            Publication::GeneratePassword { .. } => {
                let asked = matches!(&self.inputs.password, Ok(Some(Password::ToGenerate { .. })));
                self.must(asked, "a password is made only where none is");
            }
            Publication::Connection { secret, data } => {
                let named = self
                    .object
                    .spec
                    .connection_secret
                    .as_ref()
                    .is_some_and(|named| named.name == *secret);
                self.must(named, "only the Secret that the spec names is written");
                self.must(
                    !self.tagged().is_empty(),
                    "no connection to a database that is not ours",
                );
                let given = match &self.inputs.password {
                    Ok(Some(Password::Given { value, .. })) => Some(value.expose_secret()),
                    _ => None,
                };
                let told = data.get("password").map(ExposeSecret::expose_secret);
                self.must(
                    given == told,
                    "the connection Secret has the password of the password Secret",
                );
            }
        }
    }

    fn release(&mut self) {
        self.must(self.deleting(), "only a deleted object is released");
        let spec = &self.object.spec;
        let bound = spec.deletion_policy == Some(DeletionPolicy::Delete)
            && spec.management_policy.unwrap_or_default() == ManagementPolicy::Enforce
            && self.inputs.cluster_exists
            && !self.annotated("regent.dev/on-delete", "orphan");
        let touched = self.recorded_uid().is_some() || self.recorded().is_some();
        self.must(
            !bound || !touched || self.seen.is_some(),
            "under Delete nothing is released unseen",
        );
        self.must(
            !bound || !touched || self.tagged().is_empty(),
            "under Delete nothing is released before its database is gone",
        );
    }

    /// Whether the spec sets the field of this name.
    fn sets(&self, wire: &str) -> bool {
        let spec = &self.object.spec;
        let persistence = spec.persistence.as_ref();
        match wire {
            "memory_size" => true,
            "shards_count" => spec.shard_count.is_some(),
            "replication" => spec.replication.is_some(),
            "data_persistence" => persistence.is_some(),
            "aof_policy" => persistence.is_some_and(|it| it.fsync.is_some()),
            "snapshot_policy" => persistence.is_some_and(|it| it.snapshots.is_some()),
            "eviction_policy" => spec.eviction_policy.is_some(),
            "port" => spec.port.is_some(),
            "tls_mode" => spec.tls.is_some(),
            "proxy_policy" => spec.proxy_policy.is_some(),
            "shards_placement" => spec.shard_placement.is_some(),
            "tags" => spec.tags.is_some(),
            _ => false,
        }
    }
}

fn shown(step: &Step<Action>) -> String {
    step.to_string()
}
