// A schema registry for tests: franz-go's srfake behind a port of its own, with TLS and a login if they are asked for.
//
//	registry [-listen ADDRESS] [-cert FILE -key FILE [-ca FILE]] [-auth 'Basic …'] [-log FILE] [ID:SUBJECT:LANGUAGE:FILE[:NAME=SUBJECT …]]
//
// It has the schemas that are named, each the first version of its subject or the next, built on the first versions of other
// subjects. It prints its address, and serves until it is ended. With -ca who asks must show a certificate of that authority. -log
// takes a line for each request: what was asked.
package main

import (
	"crypto/tls"
	"crypto/x509"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"

	"github.com/twmb/franz-go/pkg/sr"
	"github.com/twmb/franz-go/pkg/sr/srfake"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:0", "where")
	cert := flag.String("cert", "", "its certificate, PEM")
	key := flag.String("key", "", "the certificate's key, PEM")
	ca := flag.String("ca", "", "whose certificates may ask, PEM")
	auth := flag.String("auth", "", "the Authorization that is asked for")
	asked := flag.String("log", "", "a file of what was asked")
	flag.Parse()

	var options []srfake.Option
	if *auth != "" {
		options = append(options, srfake.WithAuth(*auth))
	}
	registry := srfake.New(options...)
	versions := map[string]int{}
	for _, given := range flag.Args() {
		seed(registry, versions, given)
	}
	handler := registry.Handler()
	if *asked != "" {
		handler = logged(handler, *asked)
	}
	listener, err := net.Listen("tcp", *listen)
	if err != nil {
		log.Fatal(err)
	}
	server := &http.Server{Handler: handler}
	if *cert == "" {
		fmt.Printf("http://%s\n", listener.Addr())
		log.Fatal(server.Serve(listener))
	}
	server.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	if *ca != "" {
		pem, err := os.ReadFile(*ca)
		if err != nil {
			log.Fatal(err)
		}
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM(pem) {
			log.Fatal("no certificates in ", *ca)
		}
		server.TLSConfig.ClientCAs = pool
		server.TLSConfig.ClientAuth = tls.RequireAndVerifyClientCert
	}
	fmt.Printf("https://%s\n", listener.Addr())
	log.Fatal(server.ServeTLS(listener, *cert, *key))
}

// seed adds one schema.
func seed(registry *srfake.Registry, versions map[string]int, given string) {
	parts := strings.Split(given, ":")
	if len(parts) < 4 {
		log.Fatal("ID:SUBJECT:LANGUAGE:FILE is needed: ", given)
	}
	id, err := strconv.Atoi(parts[0])
	if err != nil {
		log.Fatal(err)
	}
	text, err := os.ReadFile(parts[3])
	if err != nil {
		log.Fatal(err)
	}
	schema := sr.Schema{Schema: string(text)}
	switch parts[2] {
	case "avro":
		schema.Type = sr.TypeAvro
	case "json":
		schema.Type = sr.TypeJSON
	case "protobuf":
		schema.Type = sr.TypeProtobuf
	default:
		log.Fatal("avro, json or protobuf, not ", parts[2])
	}
	for _, on := range parts[4:] {
		name, subject, _ := strings.Cut(on, "=")
		schema.References = append(schema.References, sr.SchemaReference{Name: name, Subject: subject, Version: 1})
	}
	versions[parts[1]]++
	registry.SeedSchema(parts[1], versions[parts[1]], id, schema)
}

func logged(inner http.Handler, path string) http.Handler {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		log.Fatal(err)
	}
	var lock sync.Mutex
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		lock.Lock()
		fmt.Fprintf(file, "%s %s\n", r.Method, r.URL.RequestURI())
		lock.Unlock()
		inner.ServeHTTP(w, r)
	})
}
