//! What each record does to an object's status. The operator's journal writes the result, checked against the
//! resourceVersion that was read; tests keep it in memory.

use crate::api::ClusterCertificateStatus;
use crate::api::NodeRecord;
use crate::api::Record;
use crate::api::RedisClusterStatus;
use crate::api::RedisDatabaseStatus;

impl RedisClusterStatus {
    /// Takes in one record. Records of other kinds change nothing.
    pub fn apply(&mut self, record: &Record) {
        match record {
            Record::Intent(intent) => self.intent = Some(intent.clone()),
            Record::Resolved => self.intent = None,
            Record::Identity(identity) => self.identity = Some(identity.clone()),
            Record::ApiCertificatePin(pin) => self.api_certificate_pin.clone_from(pin),
            Record::NodePin {
                node,
                address,
                port,
                pin,
            } => {
                let entry = self.node_entry(node, address, *port);
                entry.pin = Some(pin.clone());
            }
            Record::Node {
                node,
                address,
                port,
                uid,
            } => {
                let entry = self.node_entry(node, address, *port);
                entry.uid = Some(*uid);
                // It vouched for the fresh node; from now on the cluster's certificate does.
                entry.pin = None;
            }
            Record::NodeMaintenance { node, on } => {
                for entry in self.nodes.iter_mut().filter(|entry| entry.name == *node) {
                    entry.maintenance = *on;
                }
            }
            Record::NodeGone { node } => self.nodes.retain(|entry| entry.name != *node),
            Record::Database { .. } | Record::PasswordVersion(_) | Record::Certificate { .. } => {}
        }
    }

    fn node_entry(&mut self, name: &str, address: &str, port: u16) -> &mut NodeRecord {
        let position = self
            .nodes
            .iter()
            .position(|entry| entry.name == name)
            .unwrap_or_else(|| {
                self.nodes.push(NodeRecord {
                    name: name.to_owned(),
                    address: String::new(),
                    port,
                    uid: None,
                    pin: None,
                    maintenance: false,
                    state: None,
                });
                self.nodes.len() - 1
            });
        #[expect(clippy::indexing_slicing, reason = "the position was found or pushed above")]
        let entry = &mut self.nodes[position];
        entry.address = address.to_owned();
        entry.port = port;
        entry
    }
}

impl RedisDatabaseStatus {
    /// Takes in one record. Records of other kinds change nothing.
    pub fn apply(&mut self, record: &Record) {
        match record {
            Record::Intent(intent) => self.intent = Some(intent.clone()),
            Record::Resolved => self.intent = None,
            Record::Identity(identity) => self.cluster_identity = Some(identity.clone()),
            Record::Database { uid, adopted } => {
                self.uid = Some(*uid);
                self.adopted = *adopted;
            }
            Record::PasswordVersion(version) => self.password_version = Some(version.clone()),
            Record::NodePin { .. }
            | Record::ApiCertificatePin(_)
            | Record::Node { .. }
            | Record::NodeMaintenance { .. }
            | Record::NodeGone { .. }
            | Record::Certificate { .. } => {}
        }
    }
}

impl ClusterCertificateStatus {
    /// Takes in one record. Records of other kinds change nothing.
    pub fn apply(&mut self, record: &Record) {
        match record {
            Record::Intent(intent) => self.intent = Some(intent.clone()),
            Record::Resolved => self.intent = None,
            Record::Identity(identity) => self.cluster_identity = Some(identity.clone()),
            Record::Certificate { fingerprint, pin } => {
                self.fingerprint = Some(fingerprint.clone());
                self.pin = Some(pin.clone());
            }
            Record::NodePin { .. }
            | Record::ApiCertificatePin(_)
            | Record::Node { .. }
            | Record::NodeMaintenance { .. }
            | Record::NodeGone { .. }
            | Record::Database { .. }
            | Record::PasswordVersion(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pin(node: &str) -> Record {
        Record::NodePin {
            node: node.into(),
            address: "10.0.0.1".into(),
            port: 9443,
            pin: "sha256/x".into(),
        }
    }

    fn joined(node: &str) -> Record {
        Record::Node {
            node: node.into(),
            address: "10.0.0.1".into(),
            port: 9443,
            uid: 1,
        }
    }

    #[test]
    fn joining_keeps_the_node_and_forgets_its_pin() {
        let mut status = RedisClusterStatus::default();
        status.apply(&pin("n1"));
        status.apply(&joined("n1"));
        assert_eq!(status.nodes.len(), 1);
        assert_eq!(
            (status.nodes[0].uid, status.nodes[0].pin.clone()),
            (Some(1), None)
        );
    }

    #[test]
    fn a_node_that_has_left_leaves_nothing_behind() {
        let mut status = RedisClusterStatus::default();
        status.apply(&joined("n1"));
        status.apply(&Record::NodeMaintenance {
            node: "n1".into(),
            on: true,
        });
        assert!(status.nodes[0].maintenance);
        status.apply(&Record::NodeGone { node: "n1".into() });
        assert_eq!(status, RedisClusterStatus::default());
    }

    #[test]
    fn a_record_of_another_kind_changes_nothing() {
        let mut status = RedisDatabaseStatus::default();
        status.apply(&joined("n1"));
        assert_eq!(status, RedisDatabaseStatus::default());
    }
}
