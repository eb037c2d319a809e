// Command opencloud-docs writes the configuration reference from the tags of the services' Config structs.
package main

import (
	"fmt"

	"opencloud/internal/app"
)

func main() { fmt.Print(app.Reference()) }
