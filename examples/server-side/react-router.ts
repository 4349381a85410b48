import type { RequestSession } from "@latchkey/client/ssr";
import { createSsrClient } from "@latchkey/client/ssr";
import { createElement, Fragment } from "react";
import type { ReactElement } from "react";
import { renderToString } from "react-dom/server";
import type { LoaderFunctionArgs, RouteObject } from "react-router";
import {
  createContext,
  createStaticHandler,
  createStaticRouter,
  Outlet,
  RouterContextProvider,
  StaticRouterProvider,
  useLoaderData,
} from "react-router";

import type { Settings } from "./settings.ts";

const sessionContext = createContext<RequestSession>();

/** Pages rendered by React Router: the loaders of nested routes run at the same time, for one refresh at most. */
export function createReactRouterHandler({
  issuer,
  apiOrigin,
  pageOrigin,
}: Settings): (request: Request) => Promise<Response> {
  const ssr = createSsrClient({ issuer, apiOrigins: [apiOrigin], pageOrigins: [pageOrigin] });

  const loaderOf =
    (path: string) =>
    async ({ context }: LoaderFunctionArgs): Promise<string> => {
      const session = context.get(sessionContext);
      return (await session.fetch(apiOrigin + path)).text();
    };
  const routes: RouteObject[] = [
    {
      path: "/",
      loader: loaderOf("/user"),
      Component: User,
      children: [{ index: true, loader: loaderOf("/reports"), Component: Reports }],
    },
  ];
  const handler = createStaticHandler(routes);

  return (request) =>
    ssr.handle(request, async (session) => {
      const requestContext = new RouterContextProvider();
      requestContext.set(sessionContext, session);
      const context = await handler.query(request, { requestContext });
      if (context instanceof Response) return context;
      const router = createStaticRouter(handler.dataRoutes, context);
      // To be awaited before the headers go, since they carry the cookies: here all loaders have been.
      const html = renderToString(createElement(StaticRouterProvider, { router, context, hydrate: false }));
      return new Response(html, { status: context.statusCode, headers: { "Content-Type": "text/html" } });
    });
}

function User(): ReactElement {
  return createElement(Fragment, {}, createElement("h1", {}, useLoaderData<string>()), createElement(Outlet));
}

function Reports(): ReactElement {
  return createElement("p", {}, useLoaderData<string>());
}
