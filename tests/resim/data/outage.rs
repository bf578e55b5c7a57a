//! What is left of the data when machines lose power, hang and come back.

use super::{at, elsewhere, holds, machine, power, put, redis, with_data};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

#[test]
fn replication_turned_on_and_off_keeps_the_data_and_the_replica_has_them() {
    let sim = with_data();
    let uid = elsewhere(&sim, &json!({"replication": true}));
    // WAIT answers as soon as the replica has the write, or zero after fifteen seconds.
    let answer = redis(&sim, uid, &["SET k v", "WAIT 1 15000", "CONFIG GET maxmemory"]).unwrap();
    assert!(
        answer.contains(":1\r\n") && answer.contains("33554432"),
        "{answer}"
    );
    put(&sim, uid, &json!({"replication": false}));
    let answer = redis(&sim, uid, &["GET k", "INFO replication"]).unwrap();
    assert!(
        answer.contains("$1\r\nv") && answer.contains("connected_slaves:0"),
        "{answer}"
    );
    put(&sim, uid, &json!({"replication": true}));
    let answer = redis(&sim, uid, &["SET l v", "WAIT 1 15000"]).unwrap();
    assert!(answer.contains(":1\r\n"), "{answer}");
    power(&sim, machine(&sim, uid), "crash");
    assert!(redis(&sim, uid, &["PING"]).is_none(), "nobody took over yet");
    sim.pass(60);
    assert!(
        holds(&sim, uid, "k") && holds(&sim, uid, "l"),
        "the replica had everything"
    );
}

#[test]
fn a_machine_that_comes_back_copies_what_the_other_one_has() {
    let sim = with_data();
    let uid = elsewhere(&sim, &json!({"replication": true}));
    redis(&sim, uid, &["SET k v", "WAIT 1 15000"]).unwrap();
    let first = machine(&sim, uid);
    power(&sim, first, "crash");
    sim.pass(60);
    redis(&sim, uid, &["SET l v"]).unwrap();
    power(&sim, first, "start");
    sim.pass(60);
    assert!(redis(&sim, uid, &["WAIT 1 15000"]).unwrap().contains(":1\r\n"));
    let second = machine(&sim, uid);
    assert_ne!(second, first);
    power(&sim, second, "crash");
    sim.pass(60);
    assert_eq!(machine(&sim, uid), first);
    assert!(holds(&sim, uid, "k") && holds(&sim, uid, "l"));
}

#[test]
fn a_reboot_that_the_cluster_does_not_notice_loses_nothing_that_a_replica_has() {
    let sim = with_data();
    let uid = elsewhere(&sim, &json!({"replication": true}));
    redis(&sim, uid, &["SET k v", "WAIT 1 15000"]).unwrap();
    let master = machine(&sim, uid);
    power(&sim, master, "crash");
    power(&sim, master, "start");
    assert_eq!(machine(&sim, uid), master);
    assert!(holds(&sim, uid, "k"));
}

#[test]
fn a_failover_loses_nothing() {
    let sim = with_data();
    let uid = elsewhere(&sim, &json!({"replication": true}));
    redis(&sim, uid, &["SET k v"]).unwrap();
    let before = machine(&sim, uid);
    sim.ok("POST", "/v1/shards/1/actions/failover", &json!({}));
    sim.pass(60);
    assert_ne!(machine(&sim, uid), before);
    assert!(holds(&sim, uid, "k"));
    assert!(
        redis(&sim, uid, &["SET l v", "WAIT 1 15000"])
            .unwrap()
            .contains(":1\r\n")
    );
}

#[test]
fn without_a_replica_a_crash_leaves_what_was_written_to_disk() {
    let sim = with_data();
    for (fields, kept) in [
        (json!({}), false),
        (
            json!({"data_persistence": "aof", "aof_policy": "appendfsync-always"}),
            true,
        ),
        (
            json!({"data_persistence": "snapshot", "snapshot_policy": [{"secs": 3600, "writes": 1}]}),
            false,
        ),
    ] {
        let uid = elsewhere(&sim, &fields);
        redis(&sim, uid, &["SET k v"]).unwrap();
        let machine = machine(&sim, uid);
        power(&sim, machine, "crash");
        assert!(redis(&sim, uid, &["PING"]).is_none());
        sim.pass(60);
        assert!(redis(&sim, uid, &["PING"]).is_none(), "its only shard is down");
        power(&sim, machine, "start");
        sim.pass(60);
        assert_eq!(holds(&sim, uid, "k"), kept, "{fields}");
        sim.ok("DELETE", &format!("/v1/bdbs/{uid}"), &Value::Null);
        sim.pass(60);
    }
}

#[test]
fn a_frozen_machine_answers_nothing_until_another_takes_over_or_it_goes_on() {
    let sim = with_data();
    let uid = elsewhere(&sim, &json!({"replication": true}));
    redis(&sim, uid, &["SET k v", "WAIT 1 15000"]).unwrap();
    let address = at(&sim, uid);
    let mut open = TcpStream::connect(&address).unwrap();
    open.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    let master = machine(&sim, uid);
    power(&sim, master, "freeze");
    open.write_all(b"PING\r\n").unwrap();
    let error = open.read(&mut [0; 7]).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock, "it hangs");
    power(&sim, master, "start");
    let mut answer = [0; 7];
    open.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    open.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"+PONG\r\n", "it goes on");
    sim.pass(60);
    power(&sim, master, "freeze");
    sim.pass(60);
    assert_ne!(machine(&sim, uid), master);
    assert!(holds(&sim, uid, "k"), "the other one took over");
}
