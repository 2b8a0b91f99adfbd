// SPDX-License-Identifier: Apache-2.0
package main

import (
	"context"
	"net/http"
	"os"
	"strconv"

	_ "github.com/redpanda-data/benthos/v4/public/components/io"
	_ "github.com/redpanda-data/benthos/v4/public/components/pure"
	"github.com/redpanda-data/benthos/v4/public/service"
	_ "github.com/redpanda-data/connect/v4/public/components/kafka"
)

func main() {
	// As it comes, Go keeps two idle connections a host, and opens a new one for most requests.
	if n, err := strconv.Atoi(os.Getenv("IDLE_CONNECTIONS")); err == nil {
		t := http.DefaultTransport.(*http.Transport)
		t.MaxIdleConnsPerHost, t.MaxIdleConns = n, n
	}
	service.RunCLI(context.Background())
}
