package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"go.etcd.io/etcd/server/v3/embed"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/klog/v2"
)

const (
	exitFailed = 1
	exitUsage  = 2

	// startLimit is generous: a quiet machine needs 3 s, one that compiles may need a minute.
	startLimit = 2 * time.Minute
)

type options struct {
	dir           string
	nodes         nodeCount
	controllers   string
	apiserverArgs string
	audit         bool
	respawn       time.Duration
	dieWithParent bool
}

// nodeCount is the value of --nodes: a number, or false.
type nodeCount int

func (n *nodeCount) String() string   { return strconv.Itoa(int(*n)) }
func (n *nodeCount) IsBoolFlag() bool { return true }
func (n *nodeCount) Set(text string) error {
	switch text {
	case "true":
		*n = 3
	case "false":
		*n = 0
	default:
		number, err := strconv.Atoi(text)
		if err != nil || number < 0 || number > 250 {
			return errors.New("neither false nor a number up to 250")
		}
		*n = nodeCount(number)
	}
	return nil
}

// up is the command: it runs a control plane until it is told to stop, and returns the exit code.
func up() int {
	o := options{nodes: 3}
	flags := flag.NewFlagSet("controlplane up", flag.ContinueOnError)
	flags.StringVar(&o.dir, "dir", "", "`directory` for kubeconfig, ready, logs and pids (required)")
	flags.Var(&o.nodes, "nodes", "play `N` nodes; =false for none, when pods stay Pending")
	flags.StringVar(&o.controllers, "controllers", strings.Join(defaultControllers, ","),
		"`names` of the controllers to run, separated by commas; empty for none and no process for them")
	flags.StringVar(&o.apiserverArgs, "apiserver-args", "", "more `flags` for the API server, separated by spaces")
	flags.BoolVar(&o.audit, "audit", true, "write audit.log")
	flags.DurationVar(&o.respawn, "respawn", 0,
		"start a server that ended again after this `time`, instead of giving up")
	flags.BoolVar(&o.dieWithParent, "die-with-parent", false, "stop when the process that started this one ends")
	if err := flags.Parse(os.Args[1:]); errors.Is(err, flag.ErrHelp) {
		return 0
	} else if err != nil {
		return exitUsage
	}
	if o.dir == "" || flags.NArg() > 0 {
		fmt.Fprintln(os.Stderr, "controlplane up: --dir is required, and values are given as --flag=value; see --help")
		return exitUsage
	}

	s := &supervisor{options: o, began: time.Now(), exits: make(chan *child, 8)}
	if err := s.run(stopRequests(o.dieWithParent)); err != nil {
		s.say("failed: %v", err)
		return exitFailed
	}
	return 0
}

// stopRequests delivers why to stop: a signal, or the end of our parent. The parent is polled:
// PR_SET_PDEATHSIG would report the end of the thread that started us, and tests are threads.
func stopRequests(withParent bool) <-chan string {
	why := make(chan string, 1)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
	go func() {
		why <- (<-signals).String()
		<-signals // asked twice: at once
		os.Exit(exitFailed)
	}()
	if parent := os.Getppid(); withParent {
		go func() {
			for os.Getppid() == parent {
				time.Sleep(100 * time.Millisecond)
			}
			why <- "the parent process ended"
		}()
	}
	return why
}

// supervisor holds what runs. Its methods are for the main goroutine unless they say otherwise.
type supervisor struct {
	options
	began     time.Time
	url       string
	etcd      *embed.Etcd
	apiserver child
	kcm       child
	exits     chan *child
	client    kubernetes.Interface
	standIn   *nodeStandIn
}

func (s *supervisor) say(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "controlplane: %5.1fs  %s\n", time.Since(s.began).Seconds(), fmt.Sprintf(format, args...))
}

func (s *supervisor) path(name string) string { return filepath.Join(s.dir, name) }

// run starts everything, supervises it, and stops it in the reverse order.
func (s *supervisor) run(stop <-chan string) (err error) {
	if s.dir, err = openDir(s.dir); err != nil {
		return err
	}
	if err := writeFile(s.path("up.pid"), strconv.Itoa(os.Getpid())+"\n"); err != nil {
		return err
	}
	defer os.Remove(s.path("up.pid"))
	port, err := reservePort()
	if err != nil {
		return fmt.Errorf("no free port: %w", err)
	}
	s.url = "https://127.0.0.1:" + port
	creds, err := createCredentials(s.dir, s.url)
	if err != nil {
		return fmt.Errorf("credentials: %w", err)
	}
	if err := s.connect(creds); err != nil {
		return err
	}

	home, err := etcdHome(s.dir)
	if err != nil {
		return fmt.Errorf("etcd: %w", err)
	}
	defer os.RemoveAll(home)
	etcd, address, err := startEtcd(home, s.path("etcd.log"))
	if err != nil {
		return fmt.Errorf("etcd: %w", err)
	}
	defer etcd.Close()
	s.etcd = etcd
	s.say("etcd is ready, its data in %s", home)

	flags, err := apiserverFlags(s.options, creds, port, address)
	if err != nil {
		return err
	}
	s.apiserver = child{name: "apiserver", dir: s.dir, flags: flags}
	s.kcm = child{name: "kcm", dir: s.dir, flags: controllerFlags(s.options, creds)}

	ctx, cancel := context.WithCancel(context.Background())
	defer s.apiserver.stop()
	defer cancel()
	defer s.kcm.stop()
	defer os.Remove(s.path("ready"))
	return s.supervise(ctx, stop)
}

// connect makes the client of the supervisor itself, which logs to a file of its own.
func (s *supervisor) connect(creds credentials) error {
	log, err := os.OpenFile(s.path("nodes.log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	klog.LogToStderr(false)
	klog.SetOutput(log)
	config, err := clientcmd.BuildConfigFromFlags("", creds.file("nodes.kubeconfig"))
	if err != nil {
		return err
	}
	config.QPS, config.Burst, config.UserAgent = 1000, 2000, nodesUser
	if s.client, err = kubernetes.NewForConfig(config); err != nil {
		return err
	}
	s.standIn = newNodeStandIn(s.client, int(s.nodes))
	return nil
}

// supervise is the main loop. It returns nil when it was asked to stop.
func (s *supervisor) supervise(ctx context.Context, stop <-chan string) error {
	ready, complete := make(chan error, 1), make(chan error, 1)
	startAPIServer := func() error {
		go func() { ready <- s.awaitReadyz(ctx) }()
		return s.apiserver.start("kube-apiserver", s.exits)
	}
	startControllers := func() error {
		if s.controllers == "" {
			return nil
		}
		return s.kcm.start("kube-controller-manager", s.exits)
	}
	announce := func() error { return writeFile(s.path("ready"), s.url+"\n") }

	if err := startAPIServer(); err != nil {
		return err
	}
	due := make(chan *child, 2) // to be started again
	whole := false              // everything was ready once
	for {
		var err error
		select {
		case why := <-stop:
			s.say("stopping: %s", why)
			return nil

		case err := <-s.etcd.Err():
			return fmt.Errorf("etcd ended: %w", err)

		case err = <-ready: // the API server, for the first time or again
			switch {
			case err != nil:
				err = fmt.Errorf("the API server is not ready: %w\n%s", err, s.apiserver.lastWords())
			case whole:
				s.say("the API server is ready again")
				err = announce()
			default:
				s.say("the API server is ready at %s", s.url)
				err = startControllers()
				go s.standIn.run(ctx)
				go func() { complete <- s.awaitContent(ctx) }()
			}

		case err = <-complete:
			if err != nil {
				return fmt.Errorf("the nodes or the controllers are not ready: %w\n%s", err, s.kcm.lastWords())
			}
			whole = true
			s.say("ready: %d nodes; export KUBECONFIG=%s", s.nodes, s.path("kubeconfig"))
			err = announce()

		case c := <-s.exits:
			if s.respawn == 0 || !whole {
				return fmt.Errorf("%s ended (%v); the end of %s:\n%s", c.name, c.cmd.ProcessState, c.path(".log"), c.lastWords())
			}
			if c == &s.apiserver {
				os.Remove(s.path("ready"))
			}
			s.say("%s ended (%v); starting it again in %v", c.name, c.cmd.ProcessState, s.respawn)
			time.AfterFunc(s.respawn, func() { due <- c })

		case c := <-due:
			if c == &s.apiserver {
				err = startAPIServer()
			} else {
				err = startControllers()
			}
		}
		if err != nil {
			return err
		}
	}
}

// awaitReadyz returns when the API server says that it is ready. It runs beside the main loop.
func (s *supervisor) awaitReadyz(ctx context.Context) error {
	return poll(ctx, func(ctx context.Context) error {
		return s.client.Discovery().RESTClient().Get().AbsPath("/readyz").Do(ctx).Error()
	})
}

// awaitContent returns when the nodes exist and, as a sign that controllers work, the service
// account exists without which no pod can be created. It runs beside the main loop.
func (s *supervisor) awaitContent(ctx context.Context) error {
	if err := poll(ctx, s.standIn.register); err != nil {
		return err
	}
	if !strings.Contains(s.controllers, "serviceaccount-controller") {
		return nil
	}
	return poll(ctx, func(ctx context.Context) error {
		_, err := s.client.CoreV1().ServiceAccounts(metav1.NamespaceDefault).Get(ctx, "default", metav1.GetOptions{})
		return err
	})
}

// poll tries until it works. After startLimit it gives up, with the last reason.
func poll(ctx context.Context, try func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	for {
		err := try(ctx)
		if err == nil || ctx.Err() != nil {
			return err
		}
		time.Sleep(50 * time.Millisecond)
	}
}
