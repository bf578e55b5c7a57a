package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"k8s.io/client-go/tools/clientcmd"
	clientapi "k8s.io/client-go/tools/clientcmd/api"
)

// Users of the static token file. Each part of the control plane has a name of its own, so that the
// audit log tells a test's requests from ours.
var users = []struct{ name, kubeconfig string }{
	{"admin", "kubeconfig"},
	{"system:kube-controller-manager", "credentials/kube-controller-manager.kubeconfig"},
	{nodesUser, "credentials/nodes.kubeconfig"},
}

const nodesUser = "controlplane:nodes"

// credentials are the files under D/credentials that the servers' flags point at.
type credentials struct{ dir string }

func (c credentials) file(name string) string { return filepath.Join(c.dir, name) }

// createCredentials makes a CA, a serving certificate, the key that signs service account tokens,
// and one token and kubeconfig per user. Nothing is reused from an earlier run.
func createCredentials(dir, server string) (credentials, error) {
	c := credentials{filepath.Join(dir, "credentials")}
	if err := os.MkdirAll(c.dir, 0o700); err != nil {
		return c, err
	}
	now := time.Now()
	ca := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		Subject:               pkix.Name{CommonName: "controlplane-ca"},
		NotBefore:             now.Add(-time.Hour),
		NotAfter:              now.AddDate(1, 0, 0),
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
		BasicConstraintsValid: true,
		IsCA:                  true,
	}
	serving := &x509.Certificate{
		SerialNumber: big.NewInt(2),
		Subject:      pkix.Name{CommonName: "kube-apiserver"},
		NotBefore:    ca.NotBefore,
		NotAfter:     ca.NotAfter,
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},
		DNSNames:     []string{"localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc"},
	}
	caKey, err := c.newKey("ca.key")
	if err != nil {
		return c, err
	}
	caPEM, err := c.sign("ca.crt", ca, ca, caKey, caKey)
	if err != nil {
		return c, err
	}
	servingKey, err := c.newKey("serving.key")
	if err != nil {
		return c, err
	}
	if _, err = c.sign("serving.crt", serving, ca, servingKey, caKey); err != nil {
		return c, err
	}
	if _, err = c.newKey("service-account.key"); err != nil {
		return c, err
	}

	// All users are in system:masters. Those with less are made as in any cluster: a ServiceAccount,
	// a Role, `kubectl create token`; or impersonated by the admin.
	var tokens strings.Builder
	for _, user := range users {
		token := rand.Text()
		fmt.Fprintf(&tokens, "%s,%q,%q,\"system:masters\"\n", token, user.name, user.name)
		config := clientapi.NewConfig()
		config.Clusters["controlplane"] = &clientapi.Cluster{Server: server, CertificateAuthorityData: caPEM}
		config.AuthInfos[user.name] = &clientapi.AuthInfo{Token: token}
		config.Contexts["controlplane"] = &clientapi.Context{Cluster: "controlplane", AuthInfo: user.name}
		config.CurrentContext = "controlplane"
		if err := clientcmd.WriteToFile(*config, filepath.Join(dir, user.kubeconfig)); err != nil {
			return c, err
		}
	}
	return c, os.WriteFile(c.file("tokens.csv"), []byte(tokens.String()), 0o600)
}

func (c credentials) newKey(name string) (*ecdsa.PrivateKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	// The SEC 1 form, not PKCS 8: --service-account-key-file takes an ECDSA key in no other.
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return nil, err
	}
	_, err = c.writePEM(name, "EC PRIVATE KEY", der)
	return key, err
}

func (c credentials) sign(name string, cert, issuer *x509.Certificate, key, issuerKey *ecdsa.PrivateKey) ([]byte, error) {
	der, err := x509.CreateCertificate(rand.Reader, cert, issuer, key.Public(), issuerKey)
	if err != nil {
		return nil, err
	}
	return c.writePEM(name, "CERTIFICATE", der)
}

func (c credentials) writePEM(name, kind string, der []byte) ([]byte, error) {
	data := pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
	return data, os.WriteFile(c.file(name), data, 0o600)
}
