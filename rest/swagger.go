package rest

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"

	"github.com/labstack/echo/v4"
	swaggerfiles "github.com/swaggo/files/v2"
)

//go:embed swagger
var swaggerPages embed.FS

// addSwagger adds the Swagger page, its assets and the document that it shows.
func addSwagger(e *echo.Echo, methods []string, version string) error {
	page, err := fs.ReadFile(swaggerPages, "swagger/index.html")
	if err != nil {
		return fmt.Errorf("read the Swagger page: %w", err)
	}
	doc, err := fs.ReadFile(swaggerPages, "swagger/doc.json")
	if err != nil {
		return fmt.Errorf("read the Swagger document: %w", err)
	}
	quoted, err := json.Marshal(version)
	if err != nil {
		return fmt.Errorf("encode the version %q: %w", version, err)
	}
	doc = bytes.Replace(doc, []byte(`"${version}"`), quoted, 1)

	redirect := func(c echo.Context) error {
		return c.Redirect(http.StatusMovedPermanently, "/swagger/index.html")
	}
	add(e, "/swagger", methods, redirect)
	add(e, "/swagger/", methods, redirect)
	add(e, "/swagger/index.html", methods, func(c echo.Context) error {
		return c.HTMLBlob(http.StatusOK, page)
	})
	add(e, "/swagger/doc.json", methods, func(c echo.Context) error {
		return c.Blob(http.StatusOK, echo.MIMEApplicationJSON, doc)
	})
	add(e, "/swagger/:asset", methods, func(c echo.Context) error {
		if _, err := fs.Stat(swaggerfiles.FS, c.Param("asset")); err != nil {
			return refuse(http.StatusNotFound, errNotFound)
		}
		http.ServeFileFS(c.Response(), c.Request(), swaggerfiles.FS, c.Param("asset"))
		return nil
	})
	return nil
}
