package main

import (
	"errors"
	"net/url"
	"path/filepath"
	"time"

	"go.etcd.io/etcd/server/v3/embed"
	"go.etcd.io/etcd/server/v3/storage/wal"
)

// startEtcd runs a single etcd member inside this process, its data and its unix sockets under
// home. It returns the address that the API server connects to.
//
// Durability is switched off, since no data outlives the process. Everything else, compaction and
// request limits included, is as in a real cluster.
func startEtcd(home, logFile string) (*embed.Etcd, string, error) {
	socket := func(name string) url.URL {
		return url.URL{Scheme: "unix", Path: filepath.Join(home, name)}
	}
	client, peer := socket("client.sock"), socket("peer.sock")

	// Two segments are allocated in advance, and home is mostly memory: keep them small.
	wal.SegmentSizeBytes = 8 << 20

	c := embed.NewConfig()
	c.Dir = filepath.Join(home, "data")
	// The addresses that it advertises stay the defaults, which nobody connects to: they must have
	// a port, and the only member needs none.
	c.ListenClientUrls, c.ListenPeerUrls = []url.URL{client}, []url.URL{peer}
	c.UnsafeNoFsync = true
	c.TickMs, c.ElectionMs = 50, 250 // it waits one election before it leads itself
	c.LogLevel, c.LogOutputs = "warn", []string{logFile}
	c.WarningUnaryRequestDuration = embed.DefaultWarningUnaryRequestDuration // 0 warns of every request

	etcd, err := embed.StartEtcd(c)
	if err != nil {
		return nil, "", err
	}
	select {
	case <-etcd.Server.ReadyNotify():
		return etcd, client.String(), nil
	case err = <-etcd.Err():
	case <-time.After(30 * time.Second):
		err = errors.New("not ready after 30 s")
	}
	etcd.Close()
	return nil, "", err
}
