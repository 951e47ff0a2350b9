import { createBrowserRouter } from "react-router";
import { features } from "./features";
import { NotFound, PageFailed } from "./NotFound";
import { Shell } from "./Shell";

export function newRouter() {
  return createBrowserRouter([
    {
      element: <Shell />,
      errorElement: <PageFailed />,
      children: [
        ...features.map((feature) => ({ errorElement: <PageFailed />, children: feature.routes })),
        { path: "*", element: <NotFound /> },
      ],
    },
  ]);
}
