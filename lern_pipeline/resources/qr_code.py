"""QR codes with the access code below (contract collection-certificate-generator 13 step 3)."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import Image

MODULE_PIXELS = 2
QUIET_ZONE_MODULES = 3
CAPTION_POINTS = 16
TRACKING_PIXELS = 3
BELOW_CODE, FRAME = 3, 1
WHITE, BLACK = 255, 0


class QrCodeImages:
    """See :class:`lern_pipeline.microbatch.certificate_services.QrCodes`. Error correction H, 8-bit grey."""

    def png(self, content: str, caption: str) -> bytes:
        """See the protocol."""
        # Not above: every process would hold the libraries, and hardly an installation draws codes.
        import segno
        from PIL import Image

        drawn = io.BytesIO()
        code = segno.make(content, error="h", micro=False, boost_error=False)
        code.save(drawn, kind="png", scale=MODULE_PIXELS, border=QUIET_ZONE_MODULES)
        square = Image.open(drawn).convert("L")
        quiet = QUIET_ZONE_MODULES * MODULE_PIXELS
        text = _caption(caption)
        width = max(square.width, text.width + 2 * quiet) + 2 * FRAME
        height = square.height - quiet + BELOW_CODE + text.height + quiet + 2 * FRAME
        image = Image.new("L", (width, height), WHITE)
        image.paste(square, ((width - square.width) // 2, FRAME))
        image.paste(text, ((width - text.width) // 2, FRAME + square.height - quiet + BELOW_CODE))
        out = io.BytesIO()
        image.save(out, "PNG")
        return out.getvalue()


def _caption(text: str) -> Image.Image:
    from PIL import Image, ImageDraw, ImageFont

    font = ImageFont.load_default(CAPTION_POINTS)
    widths = [round(font.getlength(character)) + TRACKING_PIXELS for character in text]
    image = Image.new("L", (max(sum(widths), 1), CAPTION_POINTS + 4), WHITE)
    draw = ImageDraw.Draw(image)
    # One bit per pixel: not antialiased.
    draw.fontmode = "1"
    at = 0
    for character, width in zip(text, widths, strict=True):
        draw.text((at, 0), character, font=font, fill=BLACK)
        at += width
    return image
