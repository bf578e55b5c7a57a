package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"
)

// memory is a file system in RAM where there is one, as on any Linux.
const memory = "/dev/shm"

// reservePort binds a free loopback port for as long as the process lives, without listening on it.
// The API server listens on the same port (both ends set SO_REUSEPORT), so nobody can take it away
// before the server starts or while it is down, when connections are refused as they should be.
func reservePort() (string, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return "", err
	}
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1); err != nil {
		return "", err
	}
	if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		return "", err
	}
	address, err := unix.Getsockname(fd)
	if err != nil {
		return "", err
	}
	return strconv.Itoa(address.(*unix.SockaddrInet4).Port), nil
}

// lock takes a directory until the process ends. The descriptor is left open on purpose.
func lock(dir string, how int) (int, error) {
	fd, err := unix.Open(dir, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, err
	}
	if err := unix.Flock(fd, how); err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

// openDir creates and locks D, and removes what a run before has left there.
func openDir(dir string) (string, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	if _, err := lock(dir, unix.LOCK_EX|unix.LOCK_NB); errors.Is(err, unix.EWOULDBLOCK) {
		return "", fmt.Errorf("%s belongs to another control plane that is running", dir)
	} else if err != nil {
		return "", err
	}
	for _, name := range []string{
		"ready", "kubeconfig", "credentials", "etcd", "audit.log", "audit-policy.yaml", "etcd.log",
		"nodes.log", "up.pid", "apiserver.pid", "apiserver.log", "kcm.pid", "kcm.log",
	} {
		if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
			return "", err
		}
	}
	return dir, nil
}

// etcdHome makes the directory of etcd's data: in memory if half a gigabyte is free there, else in
// D. Those in memory that a killed control plane has left are found by their free lock and removed.
func etcdHome(dir string) (string, error) {
	var free unix.Statfs_t
	base := fmt.Sprintf("%s/controlplane-%d", memory, os.Getuid())
	if err := unix.Statfs(memory, &free); err != nil || free.Bavail*uint64(free.Bsize) < 512<<20 || os.MkdirAll(base, 0o700) != nil {
		home := filepath.Join(dir, "etcd")
		if longest := home + "/client.sock"; len(longest) > 107 {
			return "", fmt.Errorf("%s is too long for the name of a unix socket; use a shorter --dir", longest)
		}
		return home, os.MkdirAll(home, 0o700)
	}
	// One at a time, or a directory that was just made and is not locked yet would look left over.
	sweep, err := lock(base, unix.LOCK_EX)
	if err != nil {
		return "", err
	}
	defer unix.Close(sweep)
	old, _ := filepath.Glob(base + "/*")
	for _, home := range old {
		if fd, err := lock(home, unix.LOCK_EX|unix.LOCK_NB); err == nil {
			os.RemoveAll(home)
			unix.Close(fd)
		}
	}
	home, err := os.MkdirTemp(base, "")
	if err == nil {
		_, err = lock(home, unix.LOCK_EX)
	}
	return home, err
}

// writeFile writes a file that readers see whole or not at all.
func writeFile(path, text string) error {
	if err := os.WriteFile(path+".tmp", []byte(text), 0o600); err != nil {
		return err
	}
	return os.Rename(path+".tmp", path)
}
