import {
  type Announcements,
  type CollisionDetection,
  DndContext,
  DragOverlay,
  KeyboardSensor,
  type KeyboardCoordinateGetter,
  MouseSensor,
  pointerWithin,
  rectIntersection,
  TouchSensor,
  useDroppable,
  useSensor,
  useSensors,
} from "@dnd-kit/core";
import Box from "@mui/material/Box";
import Paper from "@mui/material/Paper";
import { type ReactNode, useMemo, useState } from "react";
import { useTranslation } from "react-i18next";

export type Sort = "algorithm" | "dataset";
export interface Dragged {
  sort: Sort;
  name: string;
}

function isDragged(data: unknown): data is Dragged {
  return typeof data === "object" && data !== null && "sort" in data && "name" in data;
}

/** A card fits into the slot of its own sort alone. */
const intoItsSlot: CollisionDetection = (given) => {
  const data: unknown = given.active.data.current;
  const droppableContainers = given.droppableContainers.filter(
    (one) => isDragged(data) && one.id === data.sort,
  );
  const within = pointerWithin({ ...given, droppableContainers });
  return within.length ? within : rectIntersection({ ...given, droppableContainers });
};

/** By keyboard an arrow goes straight to the slot. */
const toSlot: KeyboardCoordinateGetter = (event, { context }) => {
  if (!event.code.startsWith("Arrow")) return undefined;
  event.preventDefault();
  const data: unknown = context.active?.data.current;
  const place = isDragged(data) ? context.droppableRects.get(data.sort) : undefined;
  return place && { x: place.left + 8, y: place.top + 8 };
};

interface Props {
  children: ReactNode;
  onDrop: (dragged: Dragged) => void;
}

export function Dragging({ children, onDrop }: Props) {
  const { t } = useTranslation("composer");
  const [held, setHeld] = useState<Dragged | null>(null);
  const sensors = useSensors(
    useSensor(MouseSensor, { activationConstraint: { distance: 6 } }),
    useSensor(TouchSensor, { activationConstraint: { delay: 200, tolerance: 8 } }),
    useSensor(KeyboardSensor, { coordinateGetter: toSlot }),
  );
  const announcements = useMemo<Announcements>(() => {
    const say = (key: string, data: unknown) => {
      if (!isDragged(data)) return undefined;
      return t(`drag.${key}`, { name: data.name, slot: t(`slot.${data.sort}`) });
    };
    return {
      onDragStart: ({ active }) => say("start", active.data.current),
      onDragOver: ({ active, over }) => say(over ? "over" : "away", active.data.current),
      onDragEnd: ({ active, over }) => say(over ? "end" : "cancel", active.data.current),
      onDragCancel: ({ active }) => say("cancel", active.data.current),
    };
  }, [t]);
  return (
    <DndContext
      sensors={sensors}
      collisionDetection={intoItsSlot}
      accessibility={{ announcements, screenReaderInstructions: { draggable: t("drag.how") } }}
      onDragStart={({ active }) => setHeld(isDragged(active.data.current) ? active.data.current : null)}
      onDragCancel={() => setHeld(null)}
      onDragEnd={({ active, over }) => {
        setHeld(null);
        if (over && isDragged(active.data.current)) onDrop(active.data.current);
      }}
    >
      {children}
      <DragOverlay dropAnimation={null}>
        {held && (
          <Paper elevation={6} variant="elevation" sx={{ p: 1, cursor: "grabbing", fontWeight: 600 }}>
            {held.name}
          </Paper>
        )}
      </DragOverlay>
    </DndContext>
  );
}

/** Where a card is dropped. */
export function Slot({ sort, children }: { sort: Sort; children: ReactNode }) {
  const { setNodeRef, active, isOver } = useDroppable({ id: sort });
  const data: unknown = active?.data.current;
  const fits = isDragged(data) && data.sort === sort;
  return (
    <Box
      ref={setNodeRef}
      sx={{
        borderRadius: 1,
        outline: fits ? "2px dashed" : "none",
        outlineColor: "primary.main",
        outlineOffset: 4,
        bgcolor: isOver && fits ? "action.hover" : "transparent",
      }}
    >
      {children}
    </Box>
  );
}
