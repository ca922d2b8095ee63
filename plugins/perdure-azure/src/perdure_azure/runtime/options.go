package main

import (
	"flag"
	"fmt"
	"io"
	"regexp"
	"strings"
	"time"
)

// options are what the command line says.
type options struct {
	port, adminPort int
	data            string
	hubs            []string
	dynamicHubs     bool
	sku             string
	units           int
	limits          limits
	roundTrip       time.Duration
	tlsCert, tlsKey string
	tokenKey        string
	audience        string
	logLevel        string
}

// limits are what the SKU sets.
type limits struct {
	actionsPerSecond int // 0 for no limit
	retention        time.Duration
}

const (
	consumption = "consumption"
	dedicated   = "dedicated"
)

var hubName = regexp.MustCompile(`^[a-zA-Z0-9-]{3,64}$`)

func readOptions(arguments []string, errors io.Writer) (options, error) {
	var o options
	flags := flag.NewFlagSet("dts-stand-in", flag.ContinueOnError)
	flags.SetOutput(errors)
	flags.IntVar(&o.port, "port", 0, "gRPC port on 127.0.0.1; 0 takes a free one")
	flags.IntVar(&o.adminPort, "admin-port", 0, "HTTP port on 127.0.0.1 for health, status and counts; 0 takes a free one")
	flags.StringVar(&o.data, "data", "", "folder for one SQLite file per task hub (required)")
	hubs := flags.String("hubs", "default", "task hubs, separated by commas")
	flags.BoolVar(&o.dynamicHubs, "dynamic-hubs", false, "create a task hub when it is first used")
	flags.StringVar(&o.sku, "sku", dedicated, "consumption or dedicated")
	flags.IntVar(&o.units, "units", 1, "capacity units of the dedicated SKU, 1 to 3")
	throttle := flags.String("throttle", "on", "on or off: keep to the actions per second of the SKU")
	perSecond := flags.Int("actions-per-second", 0, "a limit of your own in place of the SKU's")
	flags.DurationVar(&o.roundTrip, "round-trip", 0, "time added to each call, half on the way in and half on the way out")
	flags.DurationVar(&o.limits.retention, "retention", 720*time.Hour, "purge finished instances after this; 0 never")
	flags.StringVar(&o.tlsCert, "tls-cert", "", "PEM file with the certificate to serve")
	flags.StringVar(&o.tlsKey, "tls-key", "", "PEM file with its key")
	flags.StringVar(&o.tokenKey, "token-key", "", "PEM file with a public RSA key: then calls need a token signed with it")
	flags.StringVar(&o.audience, "audience", "https://durabletask.io", "the audience that tokens must have")
	flags.StringVar(&o.logLevel, "log-level", "warn", "debug, info, warn or error")
	if err := flags.Parse(arguments); err != nil {
		return o, err
	}
	if flags.NArg() > 0 {
		return o, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	o.hubs = strings.Split(*hubs, ",")
	return o, o.check(*throttle, *perSecond)
}

func (o *options) check(throttle string, perSecond int) error {
	if o.data == "" {
		return fmt.Errorf("--data is required: the folder for the files of the task hubs")
	}
	for _, name := range o.hubs {
		if !hubName.MatchString(name) {
			return fmt.Errorf("--hubs: %q is no task hub name: 3 to 64 letters, digits or hyphens", name)
		}
	}
	longest := 2160 * time.Hour
	switch o.sku {
	case consumption:
		o.limits.actionsPerSecond, longest = 500, 720*time.Hour
	case dedicated:
		o.limits.actionsPerSecond = 2000 * o.units
	default:
		return fmt.Errorf("--sku is %q, want consumption or dedicated", o.sku)
	}
	if o.units < 1 || o.units > 3 {
		return fmt.Errorf("--units is %d, want 1 to 3", o.units)
	}
	if o.limits.retention < 0 || o.limits.retention > longest {
		return fmt.Errorf("--retention is %s, want 0 to %s with the %s SKU", o.limits.retention, longest, o.sku)
	}
	if perSecond < 0 || o.roundTrip < 0 {
		return fmt.Errorf("--actions-per-second and --round-trip must not be negative")
	}
	if perSecond > 0 {
		o.limits.actionsPerSecond = perSecond
	}
	switch throttle {
	case "on":
	case "off":
		o.limits.actionsPerSecond = 0
	default:
		return fmt.Errorf("--throttle is %q, want on or off", throttle)
	}
	if (o.tlsCert == "") != (o.tlsKey == "") {
		return fmt.Errorf("--tls-cert and --tls-key go together")
	}
	return nil
}
