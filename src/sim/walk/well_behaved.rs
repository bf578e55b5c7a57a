//! A random walk of a client that behaves: no monitor complains of it, none of its requests is refused, and the same seed
//! gives the same answers.

use super::client::{Answer, CERTIFICATE, Client, MACHINES};
use crate::sim::bugs::Bugs;
use crate::sim::fixture::Got;
use crate::sim::ids::NodeIndex;
use crate::sim::log::LogEntry;
use crate::sim::switch::{SWITCHES, Switches};
use crate::sim::version::Profile;
use proptest::prelude::*;
use serde_json::{Value, json};

/// The fewest members that the client leaves.
const MEMBERS: usize = 3;
const DATABASES: usize = 4;

#[derive(Clone, Debug)]
enum Move {
    EnterMaintenance(usize),
    LeaveMaintenance,
    Join,
    Remove(usize),
    ChangeMaster(usize),
    CreateDatabase(usize),
    UpdateDatabase(usize, usize),
    RotatePassword(usize),
    DeleteDatabase(usize),
    FailOver(usize),
    Rebalance(usize),
    UploadCertificate(usize),
    RotateCertificates,
    Configure(usize),
    Outage(usize),
    Pass(i64),
}

fn moves() -> impl Strategy<Value = Move> {
    let any = 0..12_usize;
    prop_oneof![
        3 => any.clone().prop_map(Move::EnterMaintenance),
        3 => Just(Move::LeaveMaintenance),
        2 => Just(Move::Join),
        2 => any.clone().prop_map(Move::Remove),
        1 => any.clone().prop_map(Move::ChangeMaster),
        4 => any.clone().prop_map(Move::CreateDatabase),
        4 => (any.clone(), any.clone()).prop_map(|(database, change)| Move::UpdateDatabase(database, change)),
        2 => any.clone().prop_map(Move::RotatePassword),
        1 => any.clone().prop_map(Move::DeleteDatabase),
        2 => any.clone().prop_map(Move::FailOver),
        2 => any.clone().prop_map(Move::Rebalance),
        1 => any.clone().prop_map(Move::UploadCertificate),
        1 => Just(Move::RotateCertificates),
        2 => any.clone().prop_map(Move::Configure),
        1 => any.prop_map(Move::Outage),
        2 => (0..100_000_i64).prop_map(Move::Pass),
    ]
}

fn switches() -> impl Strategy<Value = Switches> {
    let some = prop::collection::vec(any::<bool>(), SWITCHES.len()).prop_map(|chosen| {
        let chosen = SWITCHES.iter().zip(chosen).filter(|(_, chosen)| *chosen);
        chosen.fold(Switches::all_default(), |switches, (row, _)| {
            switches.with(row.switch)
        })
    });
    prop_oneof![
        1 => Just(Switches::all_default()),
        1 => Just(Switches::all_alternative()),
        2 => some,
    ]
}

impl Client {
    fn act(&mut self, step: &Move) {
        match *step {
            Move::EnterMaintenance(choice) => self.enter_maintenance(choice),
            Move::LeaveMaintenance => self.leave_maintenance(),
            Move::Join => self.join(),
            Move::Remove(choice) => self.remove(choice),
            Move::ChangeMaster(choice) => self.change_master(choice),
            Move::CreateDatabase(choice) => self.create_database(choice),
            Move::UpdateDatabase(database, change) => self.update_database(database, change),
            Move::RotatePassword(choice) => self.rotate_password(choice),
            Move::DeleteDatabase(choice) => self.delete_database(choice),
            Move::FailOver(choice) => self.fail_over(choice),
            Move::Rebalance(choice) => self.rebalance(choice),
            Move::UploadCertificate(choice) => self.upload_certificate(choice),
            Move::RotateCertificates => self.rotate_certificates(),
            Move::Configure(choice) => self.configure_something(choice),
            Move::Outage(choice) => self.outage(choice),
            Move::Pass(secs) => self.sim.pass(secs),
        }
    }

    fn enter_maintenance(&mut self, choice: usize) {
        if !self.calm() {
            return;
        }
        let uid = self.node(choice);
        self.ok(
            "POST",
            &format!("/v1/nodes/{uid}/actions/maintenance_on"),
            json!({}),
        );
        assert_eq!(self.ended(uid, "maintenance_on"), "completed");
        let status = self.get(&format!("/v1/nodes/{uid}/status"));
        assert!(status.get("maintenance_snapshot").is_some(), "{status}");
        self.maintained = Some(uid);
    }

    fn leave_maintenance(&mut self) {
        let Some(uid) = self.maintained.take() else { return };
        self.ok(
            "POST",
            &format!("/v1/nodes/{uid}/actions/maintenance_off"),
            json!({}),
        );
        assert_eq!(self.ended(uid, "maintenance_off"), "completed");
        let status = self.get(&format!("/v1/nodes/{uid}/status"));
        assert!(status.get("maintenance_snapshot").is_none(), "{status}");
    }

    fn join(&mut self) {
        let fresh = (0..MACHINES).find(|machine| !self.members().contains(machine));
        let (Some(machine), true) = (fresh, self.calm()) else {
            return;
        };
        let nodes = self.nodes();
        let addresses: Vec<&Value> = nodes.iter().map(|node| &node["addr"]).collect();
        let mut body = self.sim.join_body(machine);
        body["cluster"]["nodes"] = json!(addresses);
        let got = self.send(machine, "POST", "/v1/bootstrap/join_cluster", body);
        assert_eq!(got.status, 200, "{got:?}");
        let done = |got: &Got| got.json["bootstrap_status"]["state"] == "completed";
        self.until(machine, "/v1/bootstrap", done);
        assert_eq!(self.nodes().len(), nodes.len() + 1);
    }

    /// A node whose removal fails is told to take shards again.
    fn remove(&mut self, choice: usize) {
        if self.members().len() <= MEMBERS || !self.calm() {
            return;
        }
        let uid = self.node(choice);
        let machine = self
            .members()
            .into_iter()
            .find(|machine| self.sim.world.uid(NodeIndex(*machine)).unwrap().0 == uid);
        let machine = machine.unwrap();
        self.door = self
            .members()
            .into_iter()
            .find(|other| *other != machine)
            .unwrap();
        self.ok(
            "POST",
            &format!("/v1/nodes/{uid}/actions/remove"),
            json!({"wait_for_persistence": true}),
        );
        let ended = self.ended(uid, "remove");
        if self.nodes().iter().all(|node| node["uid"] != uid) {
            self.sim.world.reinstall(NodeIndex(machine));
        } else {
            assert_eq!(ended, "failed");
            self.ok(
                "PUT",
                &format!("/v1/nodes/{uid}"),
                json!({"accept_servers": true}),
            );
        }
    }

    fn change_master(&mut self, choice: usize) {
        if !self.calm() {
            return;
        }
        let uid = self.node(choice);
        let role = self.get(&format!("/v1/nodes/{uid}/status"))["role"].clone();
        if role == "slave" {
            self.ok(
                "POST",
                "/v1/cluster/actions/change_master",
                json!({"node_uid": uid.to_string()}),
            );
            let leads = |got: &Got| got.json["role"] == "master";
            self.until(self.door, &format!("/v1/nodes/{uid}/status"), leads);
        }
    }

    fn create_database(&mut self, choice: usize) {
        if self.databases.len() >= DATABASES {
            return;
        }
        let name = format!("db{}", self.draw());
        let tags = json!([{"key": "owner", "value": name}]);
        let mut body = json!({"name": name, "memory_size": 1 << 28, "redis_version": "7.2", "tags": tags});
        let shapes = [
            json!({}),
            json!({"replication": true}),
            json!({"data_persistence": "aof", "authentication_redis_pass": name}),
            json!({
                "replication": true, "sharding": true, "shards_count": 2,
                "shard_key_regex": [{"regex": "(?<tag>.*)"}],
            }),
        ];
        let shape = &shapes[choice % shapes.len()];
        body.as_object_mut()
            .unwrap()
            .extend(shape.as_object().unwrap().clone());
        let uid = self.ok("POST", "/v1/bdbs", body)["uid"].as_u64().unwrap();
        let password = shape["authentication_redis_pass"].as_str().map(str::to_owned);
        self.databases.push((uid, password));
        self.settled(uid);
    }

    fn update_database(&mut self, choice: usize, change: usize) {
        let Some((_, uid)) = self.database(choice) else {
            return;
        };
        let path = format!("/v1/bdbs/{uid}");
        let object = self.get(&path);
        let shards = object["shards_count"].as_u64().unwrap();
        let more = if object["sharding"] == true && shards < 4 {
            shards * 2
        } else {
            shards
        };
        let changes = [
            json!({"max_connections": 5000 + self.draw()}),
            json!({"memory_size": (1 << 28) + (self.draw() << 20)}),
            json!({"data_persistence": "aof", "eviction_policy": "allkeys-lru"}),
            json!({"data_persistence": "disabled", "eviction_policy": "noeviction"}),
            json!({"replication": true, "name": format!("db{}", self.draw())}),
            json!({"shards_count": more}),
            json!({"proxy_policy": "all-nodes", "slave_ha": true}),
            json!({"proxy_policy": "single", "slave_ha": false}),
        ];
        let mut body = changes[change % changes.len()].clone();
        body.as_object_mut()
            .unwrap()
            .retain(|field, value| object[field.as_str()] != *value);
        if body != json!({}) {
            self.ok("PUT", &path, body);
            self.settled(uid);
        }
    }

    /// With an overlap where there may be one.
    fn rotate_password(&mut self, choice: usize) {
        let Some((place, uid)) = self.database(choice) else {
            return;
        };
        let path = format!("/v1/bdbs/{uid}/passwords");
        let new = format!("password {}", self.draw());
        let added = self.send(self.door, "POST", &path, json!({"password": new}));
        match (self.databases[place].1.replace(new.clone()), added.status) {
            (Some(old), 200) => drop(self.ok("DELETE", &path, json!({"password": old}))),
            (_, 200) => {}
            (_, status) => {
                assert_eq!(status, 406);
                self.ok("PUT", &path, json!({"password": new}));
            }
        }
    }

    fn delete_database(&mut self, choice: usize) {
        let Some((place, uid)) = self.database(choice) else {
            return;
        };
        self.ok("DELETE", &format!("/v1/bdbs/{uid}"), Value::Null);
        self.databases.remove(place);
        self.until(self.door, &format!("/v1/bdbs/{uid}"), |got| got.status == 404);
    }

    fn fail_over(&mut self, choice: usize) {
        let Some((_, uid)) = self.database(choice) else {
            return;
        };
        let shards = self.get(&format!("/v1/bdbs/{uid}/shards"));
        let shards = shards.as_array().unwrap();
        let replicated = shards.iter().any(|shard| shard["role"] == "slave");
        if replicated && self.profile >= Profile::V7_8_6 && self.calm() {
            let master = shards.iter().find(|shard| shard["role"] == "master").unwrap();
            let path = format!("/v1/shards/{}/actions/failover", master["uid"].as_str().unwrap());
            self.ok("POST", &path, json!({}));
            self.settled(uid);
        }
    }

    fn rebalance(&mut self, choice: usize) {
        let Some((_, uid)) = self.database(choice) else {
            return;
        };
        if self.profile >= Profile::V7_8_6 {
            self.ok("PUT", &format!("/v1/bdbs/{uid}/actions/rebalance"), Value::Null);
            self.settled(uid);
        }
    }

    fn upload_certificate(&mut self, choice: usize) {
        if !self.calm() {
            return;
        }
        let names = ["api", "cm", "proxy", "syncer", "metrics_exporter"];
        let entry = json!({
            "name": names[choice % names.len()], "certificate": CERTIFICATE.chain_pem, "key": CERTIFICATE.key_pem,
        });
        if self.profile >= Profile::V7_22_2 {
            self.ok(
                "PUT",
                "/v1/cluster/certificates",
                json!({"certificates": [entry]}),
            );
        } else {
            self.ok("PUT", "/v1/cluster/update_cert", entry);
        }
        self.sim.pass(10);
    }

    fn rotate_certificates(&mut self) {
        if self.calm() {
            self.ok("POST", "/v1/cluster/certificates/rotate", json!({}));
            self.sim.pass(10);
        }
    }

    fn configure_something(&mut self, choice: usize) {
        let uid = self.node(choice);
        let node = format!("/v1/nodes/{uid}");
        let (path, field, value) = match choice % 4 {
            0 => ("/v1/cluster", "cm_session_timeout_minutes", json!(10 + choice)),
            1 => ("/v1/cluster/policy", "default_shards_placement", json!("sparse")),
            2 => ("/v1/cluster/policy", "default_shards_placement", json!("dense")),
            _ => (
                node.as_str(),
                "recovery_path",
                json!(format!("/recovery/{choice}")),
            ),
        };
        self.configure(path, field, &value);
    }

    /// A machine loses its power for a while; the client only looks.
    fn outage(&mut self, choice: usize) {
        if !self.calm() {
            return;
        }
        let members = self.members();
        let machine = members[choice % members.len()];
        self.door = members.into_iter().find(|other| *other != machine).unwrap();
        self.sim.world.crash(NodeIndex(machine));
        self.sim.pass(60);
        self.get("/v1/nodes");
        self.sim.world.power_on(NodeIndex(machine));
        let well = |got: &Got| {
            let nodes = got.json.as_array();
            nodes.is_some_and(|nodes| nodes.iter().all(|node| node["status"] == "active"))
        };
        self.until(self.door, "/v1/nodes", well);
        self.until(self.door, "/v1/bdbs?fields=status", well);
    }
}

/// Every answer and the log. After every step no monitor has complained.
fn walk(mut client: Client, moves: &[(usize, Move)]) -> (Vec<Answer>, Vec<LogEntry>) {
    for (door, step) in moves {
        let members = client.members();
        client.door = members[door % members.len()];
        client.act(step);
        assert_eq!(client.sim.world.violations(), [], "{step:?}");
    }
    (client.answers, client.sim.world.log().to_vec())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_client_that_behaves_is_served_without_a_complaint_and_can_be_repeated(
        members in MEMBERS..=MACHINES,
        profile in prop::sample::select(Profile::ALL.to_vec()),
        switches in switches(),
        defective in any::<bool>(),
        moves in prop::collection::vec((0..MACHINES, moves()), 1..40),
    ) {
        let bugs = if defective { Bugs::of(profile) } else { Bugs::none() };
        let client = || Client::new(members, profile, switches.clone(), bugs.clone());
        prop_assert_eq!(walk(client(), &moves), walk(client(), &moves));
    }
}
