package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// child is one of the servers: this binary again, in a process of its own.
type child struct {
	name  string // of D/NAME.log and D/NAME.pid
	flags []string
	dir   string
	cmd   *exec.Cmd
	ended chan struct{} // closed when the process is gone
}

func (c *child) path(extension string) string { return filepath.Join(c.dir, c.name+extension) }

// start runs the named command, and sends the child to exits when it ends. It must be called from
// the main goroutine: the kernel kills the child when the thread that started it is gone.
func (c *child) start(command string, exits chan<- *child) error {
	log, err := os.OpenFile(c.path(".log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	c.cmd = &exec.Cmd{
		Path:   "/proc/self/exe",
		Args:   append([]string{command}, c.flags...),
		Stdout: log,
		Stderr: log,
		SysProcAttr: &syscall.SysProcAttr{
			Pdeathsig: syscall.SIGKILL,
			Setpgid:   true, // Ctrl-C is for the supervisor alone, which then stops them in order
		},
	}
	if err := c.cmd.Start(); err != nil {
		return err
	}
	err = writeFile(c.path(".pid"), strconv.Itoa(c.cmd.Process.Pid)+"\n")
	ended := make(chan struct{})
	c.ended = ended
	go func() {
		c.cmd.Wait()
		os.Remove(c.path(".pid"))
		close(ended)
		exits <- c
	}()
	return err
}

// stop ends the child, by force if it takes more than 10 s. A child that never ran is fine.
func (c *child) stop() {
	if c.cmd == nil {
		return
	}
	c.cmd.Process.Signal(syscall.SIGTERM)
	c.cmd.Process.Signal(syscall.SIGCONT) // a test may have left it stopped
	select {
	case <-c.ended:
	case <-time.After(10 * time.Second):
		c.cmd.Process.Kill()
		<-c.ended
	}
}

// lastWords are the last lines of the child's log.
func (c *child) lastWords() string {
	data, _ := os.ReadFile(c.path(".log"))
	lines := strings.Split(strings.TrimSpace(string(data)), "\n")
	return strings.Join(lines[max(0, len(lines)-5):], "\n")
}
