"What a learner wants: fastai's names and ours"
from fastai.vision.all import *

from aerialfast.town import *
from aerialfast.grids import *
from aerialfast.files import *
from aerialfast.layers import *
from aerialfast.mosaics import *
from aerialfast.rasters import *
from aerialfast.writing import *
from aerialfast.labels import *
from aerialfast.scales import *
from aerialfast.shapes import *
from aerialfast.chips import *
from aerialfast.pairs import *
from aerialfast.overlaps import *
from aerialfast.splits import *
from aerialfast.windows import *
from aerialfast.displays import *
from aerialfast.augment import *
from aerialfast.loader import *
from aerialfast.data import *
from aerialfast.checks import *
from aerialfast.store import *
from aerialfast.traits import *
from aerialfast.classics import *
from aerialfast.unets import *
from aerialfast.losses import *
from aerialfast.metrics import *
from aerialfast.predictor import *
from aerialfast.learner import *
from aerialfast.training import *
from aerialfast.resuming import *
from aerialfast.stitching import *
from aerialfast.outputs import *
from aerialfast.fingerprints import *
from aerialfast.journal import *
from aerialfast.prediction import *
from aerialfast.curves import *
from aerialfast.thresholds import *
from aerialfast.objects import *
from aerialfast.evaluation import *
from aerialfast.folds import *
from aerialfast.diagnosis import *
from aerialfast.reports import *

__all__ = [o for o in globals() if not o.startswith('_')]
