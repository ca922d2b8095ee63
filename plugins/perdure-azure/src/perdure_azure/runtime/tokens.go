package main

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// access is what a call needs. The service's roles: a contributor may do all, a worker works, a reader
// reads. Whose task hubs a token is for is the stand-in's own claim, `hubs`: the real service keeps
// role assignments of its own.
type access int

const (
	anyRole access = iota
	readAccess
	workAccess
	fullAccess
)

const (
	contributor = "Durable Task Data Contributor"
	worker      = "Durable Task Worker"
	reader      = "Durable Task Data Reader"
)

var rolesFor = map[access][]string{
	anyRole:    {contributor, worker, reader},
	readAccess: {contributor, reader},
	workAccess: {contributor, worker},
	fullAccess: {contributor},
}

type tokenChecker struct {
	key      *rsa.PublicKey
	audience string
}

// grant is what a valid token allows.
type grant struct {
	roles, hubs []string
	expires     time.Time
}

func newTokenChecker(path, audience string) (*tokenChecker, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(data)
	if block == nil {
		return nil, fmt.Errorf("%s holds no PEM block", path)
	}
	parsed, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		if parsed, err = x509.ParsePKCS1PublicKey(block.Bytes); err != nil {
			return nil, fmt.Errorf("%s holds no public key: %w", path, err)
		}
	}
	key, isRSA := parsed.(*rsa.PublicKey)
	if !isRSA {
		return nil, fmt.Errorf("%s holds a %T, want an RSA public key", path, parsed)
	}
	return &tokenChecker{key: key, audience: strings.TrimSuffix(audience, "/")}, nil
}

func unauthenticated(format string, arguments ...any) error {
	return status.Errorf(codes.Unauthenticated, format, arguments...)
}

type claims struct {
	Expires   float64  `json:"exp"`
	NotBefore float64  `json:"nbf"`
	Audience  oneOrSet `json:"aud"`
	Roles     oneOrSet `json:"roles"`
	Hubs      oneOrSet `json:"hubs"`
}

// oneOrSet is a string or a list of them.
type oneOrSet []string

func (s *oneOrSet) UnmarshalJSON(data []byte) error {
	var one string
	if json.Unmarshal(data, &one) == nil {
		*s = oneOrSet{one}
		return nil
	}
	return json.Unmarshal(data, (*[]string)(s))
}

func (t *tokenChecker) check(headers []string, now time.Time) (*grant, error) {
	if len(headers) == 0 {
		return nil, unauthenticated("the metadata has no 'authorization' header: a bearer token is needed")
	}
	token, isBearer := strings.CutPrefix(headers[0], "Bearer ")
	parts := strings.Split(token, ".")
	if !isBearer || len(parts) != 3 {
		return nil, unauthenticated("the 'authorization' header is no 'Bearer' token in the form of a JWT")
	}
	var head struct {
		Algorithm string `json:"alg"`
	}
	var said claims
	if !readPart(parts[0], &head) || !readPart(parts[1], &said) {
		return nil, unauthenticated("the token is malformed")
	}
	if head.Algorithm != "RS256" {
		return nil, unauthenticated("the token is signed with %q, want RS256", head.Algorithm)
	}
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	digest := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	if err != nil || rsa.VerifyPKCS1v15(t.key, crypto.SHA256, digest[:], signature) != nil {
		return nil, unauthenticated("the signature of the token is invalid")
	}
	expires, notBefore := moment(said.Expires), moment(said.NotBefore)
	if !now.Before(expires) {
		return nil, unauthenticated("the token expired at %s", expires.UTC().Format(time.RFC3339))
	}
	if now.Before(notBefore) {
		return nil, unauthenticated("the token is not valid before %s", notBefore.UTC().Format(time.RFC3339))
	}
	if !slices.ContainsFunc(said.Audience, func(one string) bool { return strings.TrimSuffix(one, "/") == t.audience }) {
		return nil, unauthenticated("the token is for the audience %q, want %q", strings.Join(said.Audience, " "), t.audience)
	}
	return &grant{roles: said.Roles, hubs: said.Hubs, expires: expires}, nil
}

func readPart(part string, into any) bool {
	data, err := base64.RawURLEncoding.DecodeString(part)
	return err == nil && json.Unmarshal(data, into) == nil
}

func moment(seconds float64) time.Time {
	return time.Unix(0, int64(seconds*float64(time.Second)))
}

func (g *grant) allows(method string, needed access, hub string) error {
	for _, role := range rolesFor[needed] {
		if slices.Contains(g.roles, role) {
			return g.covers(hub)
		}
	}
	return status.Errorf(codes.PermissionDenied, "%s needs the role '%s'; the token has %q",
		method, strings.Join(rolesFor[needed], "' or '"), g.roles)
}

func (g *grant) covers(hub string) error {
	if g.hubs == nil || slices.Contains(g.hubs, hub) {
		return nil
	}
	return status.Errorf(codes.PermissionDenied, "the token is not for task hub '%s'; it is for %q", hub, g.hubs)
}
