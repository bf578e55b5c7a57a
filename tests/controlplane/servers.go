package main

import (
	"os"
	"path/filepath"
	"strings"
)

// defaultControllers are those that an operator, its chart and its tests lean on. Left out are the
// ones that need a cloud, volumes or a network, and the endpoint controllers: pods have loopback
// addresses here, which the API refuses in endpoints.
var defaultControllers = []string{
	"clusterrole-aggregation-controller",
	"deployment-controller",
	"disruption-controller",
	"garbage-collector-controller",
	"job-controller",
	"namespace-controller",
	"replicaset-controller",
	"root-ca-certificate-publisher-controller",
	"serviceaccount-controller",
	"serviceaccount-token-controller",
	"statefulset-controller",
	"ttl-after-finished-controller",
	"validatingadmissionpolicy-status-controller",
}

// auditPolicy records who did what to which object, once per request, without bodies. Watches have
// two entries: when they begin and when they end.
const auditPolicy = `apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- level: Metadata
`

// apiserverFlags returns the flags of the API server; the caller's extra ones come last and win.
func apiserverFlags(o options, creds credentials, port, etcd string) ([]string, error) {
	flags := []string{
		"--etcd-servers=" + etcd,
		"--bind-address=127.0.0.1",
		"--secure-port=" + port,
		// The supervisor keeps the port reserved beside the server (see reservePort).
		"--permit-port-sharing=true",
		// Without it the server looks for a default route, and ends where there is none.
		"--advertise-address=127.0.0.1",
		// It would publish that address as an endpoint, which the API refuses for loopback.
		"--endpoint-reconciler-type=none",
		"--service-cluster-ip-range=10.96.0.0/16",
		"--tls-cert-file=" + creds.file("serving.crt"),
		"--tls-private-key-file=" + creds.file("serving.key"),
		"--client-ca-file=" + creds.file("ca.crt"),
		"--token-auth-file=" + creds.file("tokens.csv"),
		"--authorization-mode=RBAC",
		"--service-account-issuer=https://kubernetes.default.svc",
		"--service-account-key-file=" + creds.file("service-account.key"),
		"--service-account-signing-key-file=" + creds.file("service-account.key"),
		// New nodes are tainted not-ready until the node lifecycle controller, absent here, agrees.
		"--disable-admission-plugins=TaintNodesByCondition",
		"--profiling=false",
	}
	if o.audit {
		policy := filepath.Join(o.dir, "audit-policy.yaml")
		if err := os.WriteFile(policy, []byte(auditPolicy), 0o600); err != nil {
			return nil, err
		}
		flags = append(flags,
			"--audit-policy-file="+policy,
			"--audit-log-path="+filepath.Join(o.dir, "audit.log"),
			// Written by the request's own goroutine: none is lost, and none lags behind.
			"--audit-log-mode=blocking",
			// Never rotated (the unit is MB, and 0 means 100), so that one file has every entry.
			"--audit-log-maxsize=1000000",
		)
	}
	return append(flags, strings.Fields(o.apiserverArgs)...), nil
}

// controllerFlags returns the flags of the controller manager. There is one, hence no election, and
// nobody scrapes it, hence no port. Its rate limit would otherwise be what tests wait for.
func controllerFlags(o options, creds credentials) []string {
	return []string{
		"--kubeconfig=" + creds.file("kube-controller-manager.kubeconfig"),
		"--controllers=" + o.controllers,
		"--service-account-private-key-file=" + creds.file("service-account.key"),
		"--root-ca-file=" + creds.file("ca.crt"),
		"--leader-elect=false",
		"--secure-port=0",
		"--kube-api-qps=1000",
		"--kube-api-burst=2000",
		"--profiling=false",
	}
}
