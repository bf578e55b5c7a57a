//! Objects of the API that are kept as they were written: settings of which a cluster has one, numbered objects (roles,
//! ACLs ...), and the log of events.

use super::events::Told;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// Everything that is kept so.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Documents {
    /// By path of the object; what is not set has its default.
    single: BTreeMap<String, Map<String, Value>>,
    numbered: BTreeMap<String, Numbered>,
    /// Oldest first.
    pub(crate) events: Vec<Event>,
}

/// The objects of one family.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Numbered {
    /// The highest uid that was ever given.
    last_uid: u64,
    objects: BTreeMap<u64, Map<String, Value>>,
}

/// Something that the event log tells.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Event {
    pub(crate) at: Timestamp,
    /// `cluster_bdb_created`
    pub(crate) name: String,
    pub(crate) severity: String,
    /// What else the event says.
    pub(crate) details: Map<String, Value>,
}

/// Management roles that come with a cluster, by uid from 1.
const ROLES: [(&str, &str); 6] = [
    ("Admin", "admin"),
    ("Cluster Member", "cluster_member"),
    ("Cluster Viewer", "cluster_viewer"),
    ("DB Member", "db_member"),
    ("DB Viewer", "db_viewer"),
    ("None", "none"),
];

/// ACLs that come with a cluster, by uid from 1.
const ACLS: [(&str, &str); 3] = [
    ("Full Access", "+@all ~*"),
    ("Read Only", "+@read ~*"),
    ("Not Dangerous", "+@all -@dangerous ~*"),
];

/// Uid of the ACL that the default user of a database has.
const FULL_ACCESS: u64 = 1;
/// Ends the rules of an ACL that is for every channel.
const ALL_CHANNELS: &str = " &*";

/// Uids below this one belong to what comes with a cluster.
const FIRST_OWN_UID: u64 = 7;
/// Events that are remembered.
const MAX_EVENTS: usize = 10_000;

impl Documents {
    /// What a new cluster has.
    pub(crate) fn fresh() -> Self {
        let mut documents = Self::default();
        let built_in = |(name, key, value): (&str, &str, &str)| {
            Map::from_iter([("name".to_owned(), json!(name)), (key.to_owned(), json!(value))])
        };
        for (uid, (name, management)) in (1..).zip(ROLES) {
            documents.put("roles", uid, built_in((name, "management", management)));
        }
        for (uid, (name, acl)) in (1..).zip(ACLS) {
            documents.put("redis_acls", uid, built_in((name, "acl", acl)));
        }
        for family in ["roles", "redis_acls"] {
            documents.numbered.entry(family.to_owned()).or_default().last_uid = FIRST_OWN_UID - 1;
        }
        documents
    }

    /// Lets whoever has full access use every channel, however closed the channels are by default. Nothing takes it back.
    pub(crate) fn open_channels(&mut self) {
        let acls = self.numbered.get_mut("redis_acls");
        let full = acls.and_then(|acls| acls.objects.get_mut(&FULL_ACCESS)?.get_mut("acl"));
        if let Some(Value::String(rules)) = full
            && !rules.ends_with(ALL_CHANNELS)
        {
            rules.push_str(ALL_CHANNELS);
        }
    }

    /// What was set of the object at `path`.
    pub(crate) fn single(&self, path: &str) -> Option<&Map<String, Value>> {
        self.single.get(path)
    }

    pub(crate) fn set_single(&mut self, path: &str, object: Map<String, Value>) {
        self.single.insert(path.to_owned(), object);
    }

    /// Forgets what was set; `false` if nothing was.
    pub(crate) fn clear_single(&mut self, path: &str) -> bool {
        self.single.remove(path).is_some()
    }

    /// Every object of a family, by uid.
    pub(crate) fn all(&self, family: &str) -> impl Iterator<Item = (u64, &Map<String, Value>)> {
        let objects = self.numbered.get(family).map(|numbered| &numbered.objects);
        objects.into_iter().flatten().map(|(uid, object)| (*uid, object))
    }

    pub(crate) fn get(&self, family: &str, uid: u64) -> Option<&Map<String, Value>> {
        self.numbered.get(family)?.objects.get(&uid)
    }

    /// The uid that the family's next object gets.
    pub(crate) fn next_uid(&self, family: &str) -> u64 {
        self.numbered.get(family).map_or(0, |numbered| numbered.last_uid) + 1
    }

    pub(crate) fn put(&mut self, family: &str, uid: u64, object: Map<String, Value>) {
        let numbered = self.numbered.entry(family.to_owned()).or_default();
        numbered.last_uid = numbered.last_uid.max(uid);
        numbered.objects.insert(uid, object);
    }

    pub(crate) fn remove(&mut self, family: &str, uid: u64) {
        if let Some(numbered) = self.numbered.get_mut(family) {
            numbered.objects.remove(&uid);
        }
    }

    /// Adds an event; beyond a limit the oldest are forgotten.
    pub(crate) fn tell(&mut self, at: Timestamp, told: Told, details: &Value) {
        if self.events.len() >= MAX_EVENTS {
            self.events.drain(..MAX_EVENTS / 10);
        }
        self.events.push(Event {
            at,
            name: told.name().to_owned(),
            severity: told.severity().to_owned(),
            details: details.as_object().cloned().unwrap_or_default(),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uids_are_never_given_twice_and_begin_after_what_comes_with_a_cluster() {
        let mut documents = Documents::fresh();
        assert_eq!(documents.next_uid("roles"), 7);
        documents.put("roles", 7, Map::new());
        documents.remove("roles", 7);
        assert_eq!(documents.next_uid("roles"), 8);
        assert_eq!(documents.next_uid("ldap_mappings"), 1);
    }

    #[test]
    fn the_oldest_events_are_forgotten() {
        let mut documents = Documents::fresh();
        for _ in 0..=MAX_EVENTS {
            documents.tell(Timestamp::UNIX_EPOCH, Told::ClusterUpdated, &json!({}));
        }
        assert!(documents.events.len() < MAX_EVENTS);
    }
}
