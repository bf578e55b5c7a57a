// Command controlplane is a Kubernetes control plane in one binary, for tests and demos.
//
// It has the real API server, the real controllers, a real etcd and kubectl, so that schema
// validation, CEL rules, server-side apply, garbage collection, RBAC and audit are those of a
// cluster. Only nodes are played (see nodes.go): no container ever runs.
//
// `controlplane up` embeds etcd and starts this same binary again as kube-apiserver and as
// kube-controller-manager. They are processes rather than goroutines because both servers keep
// state per process (feature gates, log flags, signal handlers), and because a test wants a pid to
// kill, to stop, or to read memory and CPU of. Everything upstream is entered through its cobra
// command: that is the surface which changes least from one Kubernetes version to the next.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"

	"k8s.io/component-base/cli"
	_ "k8s.io/component-base/metrics/prometheus/clientgo" // client metrics in the servers' /metrics
	_ "k8s.io/component-base/metrics/prometheus/version"  // build information, the same
	kubectl "k8s.io/kubectl/pkg/cmd"
	kubectlutil "k8s.io/kubectl/pkg/cmd/util"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllers "k8s.io/kubernetes/cmd/kube-controller-manager/app"
)

const usage = `usage: controlplane COMMAND [flags]

  up                        run a control plane until SIGTERM; "up --help" lists the flags
  kubectl                   kubectl, of the server's version
  kube-apiserver            the API server alone, with its own flags
  kube-controller-manager   the controllers alone, with their own flags

A link to this binary that is named after a command runs that command.
`

// commands all read their arguments from os.Args[1:], as upstream's cobra commands do.
var commands = map[string]func() int{
	"up":             up,
	"kube-apiserver": func() int { return cli.Run(apiserver.NewAPIServerCommand()) },
	"kube-controller-manager": func() int {
		return cli.Run(controllers.NewControllerManagerCommand())
	},
	"kubectl": func() int {
		// kubectl words its own errors and picks the exit code; CheckErr does not return on one.
		kubectlutil.CheckErr(cli.RunNoErrOutput(kubectl.NewDefaultKubectlCommand()))
		return 0
	},
}

// The main goroutine keeps its thread: PR_SET_PDEATHSIG, which ties the children to us, fires when
// the thread that started them ends, and the first thread lives as long as the process.
func init() { runtime.LockOSThread() }

func main() {
	run := commands[filepath.Base(os.Args[0])]
	if run == nil && len(os.Args) > 1 {
		run = commands[os.Args[1]]
		os.Args = os.Args[1:]
	}
	if run == nil {
		fmt.Fprint(os.Stderr, usage)
		os.Exit(exitUsage)
	}
	os.Exit(run())
}
