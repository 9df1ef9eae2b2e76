# Made by `python -m tests.clients.generated` from core/contract: change it there.
"""The options as the command takes them."""

from typing import Any

from face_api_client.command.option_fields import OptionField

DETECT = (
    OptionField(
        'confidence', 'number',
        'The least confidence of a face.',
        default=0.5, minimum=0.01, maximum=1.0,
    ),
    OptionField(
        'nms_threshold', 'number',
        'Two boxes whose IoU is above this are one face.',
        default=0.4, minimum=0.01, maximum=1.0,
    ),
    OptionField(
        'max_faces', 'integer',
        'Keep only so many faces, the most confident; 0: all. On a mask the others stay visible.',
        default=0, minimum=0,
    ),
    OptionField(
        'detail', 'choice',
        'How closely the picture is searched; left out, as the service is set.',
        choices=('fast', 'balanced', 'thorough'),
    ),
)
MASK = (
    OptionField(
        'confidence', 'number',
        'The least confidence of a face.',
        default=0.5, minimum=0.01, maximum=1.0,
    ),
    OptionField(
        'nms_threshold', 'number',
        'Two boxes whose IoU is above this are one face.',
        default=0.4, minimum=0.01, maximum=1.0,
    ),
    OptionField(
        'max_faces', 'integer',
        'Keep only so many faces, the most confident; 0: all. On a mask the others stay visible.',
        default=0, minimum=0,
    ),
    OptionField(
        'detail', 'choice',
        'How closely the picture is searched; left out, as the service is set.',
        choices=('fast', 'balanced', 'thorough'),
    ),
    OptionField(
        'method', 'choice',
        'How a face is covered; `elliptical` is the blur inside an ellipse.',
        default='gaussian', choices=('gaussian', 'pixelate', 'solid', 'elliptical'),
    ),
    OptionField(
        'strength', 'integer',
        (
            'Blur kernel or cell size in pixels; raised where it is too weak for the size of a face. `auto`:'
            ' the weakest that hides a face of that size.'
        ),
        default=199, choices=('auto',), minimum=1, maximum=999,
    ),
    OptionField(
        'cover', 'choice',
        'What of a person is covered: the face, or the head with hair, ears and chin.',
        default='face', choices=('face', 'head'),
    ),
    OptionField(
        'padding', 'number',
        'The box grows by this share of its size on every side.',
        default=0.15, minimum=0, maximum=2,
    ),
    OptionField(
        'format', 'choice',
        'The format of the answer.',
        default='jpeg', choices=('jpeg', 'png', 'webp'),
    ),
    OptionField(
        'quality', 'integer',
        'Of jpeg and webp (100: lossless webp); png ignores it.',
        default=95, minimum=1, maximum=100,
    ),
    OptionField(
        'doubtful', 'choice',
        (
            'What is done with faces below `confidence` that are likely enough for their size: `mask` covers'
            ' them and marks them `review`. Left out: as the service is set.'
        ),
        choices=('mask', 'leave'),
    ),
    OptionField(
        'review_confidence', 'number',
        'The least confidence of doubtful faces, in place of the limits by their size.',
        minimum=0.01, maximum=1,
    ),
    OptionField(
        'verify', 'boolean',
        (
            'Whether faces are looked for in the masked picture too: what is still found is masked again, or'
            ' the call fails. Left out: as the service is set, and not with detail=fast.'
        ),
    ),
    OptionField(
        'mask_regions', 'regions',
        'What is always masked, whether a face is there or not: a JSON array of rectangles.',
    ),
    OptionField(
        'keep_regions', 'regions',
        'Where faces are left: those whose centre lies inside. A JSON array of rectangles.',
    ),
)
VIDEO = (
    OptionField(
        'confidence', 'number',
        'The least confidence of a face.',
        default=0.5, minimum=0.01, maximum=1.0,
    ),
    OptionField(
        'nms_threshold', 'number',
        'Two boxes whose IoU is above this are one face.',
        default=0.4, minimum=0.01, maximum=1.0,
    ),
    OptionField(
        'max_faces', 'integer',
        '0: all faces of a video are masked.',
        default=0, minimum=0, maximum=0,
    ),
    OptionField(
        'detail', 'choice',
        'How closely the picture is searched; left out, as the service is set.',
        choices=('fast', 'balanced', 'thorough'),
    ),
    OptionField(
        'method', 'choice',
        'How a face is covered; `elliptical` is the blur inside an ellipse.',
        default='gaussian', choices=('gaussian', 'pixelate', 'solid', 'elliptical'),
    ),
    OptionField(
        'strength', 'integer',
        (
            'Blur kernel or cell size in pixels; raised where it is too weak for the size of a face. `auto`:'
            ' the weakest that hides a face of that size.'
        ),
        default=199, choices=('auto',), minimum=1, maximum=999,
    ),
    OptionField(
        'cover', 'choice',
        'What of a person is covered: the face, or the head with hair, ears and chin.',
        default='face', choices=('face', 'head'),
    ),
    OptionField(
        'padding', 'number',
        'The box grows by this share of its size on every side.',
        default=0.15, minimum=0, maximum=2,
    ),
    OptionField(
        'doubtful', 'choice',
        (
            'What is done with faces below `confidence` that are likely enough for their size: `mask` covers'
            ' them and marks them `review`. Left out: as the service is set.'
        ),
        choices=('mask', 'leave'),
    ),
    OptionField(
        'review_confidence', 'number',
        'The least confidence of doubtful faces, in place of the limits by their size.',
        minimum=0.01, maximum=1,
    ),
    OptionField(
        'verify', 'boolean',
        (
            'Whether faces are looked for in the masked picture too: what is still found is masked again, or'
            ' the call fails. Left out: as the service is set, and not with detail=fast.'
        ),
    ),
    OptionField(
        'format', 'choice',
        '`mp4`: H.264; `webm`: VP9; `same`: as the upload is, and `mp4` for any other kind.',
        default='same', choices=('mp4', 'webm', 'same'),
    ),
    OptionField(
        'crf', 'integer',
        'Constant quality: the lower, the better. Left out: 20 for H.264, 32 for VP9.',
        minimum=0, maximum=63,
    ),
    OptionField(
        'audio', 'choice',
        'Whether the sound is kept, as it is, or dropped.',
        default='keep', choices=('keep', 'drop'),
    ),
    OptionField(
        'stride', 'integer',
        'Search every n-th frame only; faces are followed between. Faster, and less sure.',
        default=1, minimum=1, maximum=25,
    ),
    OptionField(
        'webhook_url', 'text',
        'Is told when the video has ended; as of batches.',
    ),
)
PRESETS: dict[str, dict[str, Any]] = {
    'standard': {},
    'safest': {'method': 'solid', 'cover': 'head', 'detail': 'thorough', 'doubtful': 'mask', 'verify': True},
    'gentle': {'method': 'elliptical', 'strength': 'auto'},
    'fastest': {'detail': 'fast'},
}
